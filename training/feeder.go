package training

import (
	"context"
	"encoding/json"

	"pmx/onnxgraph"
)

// Feeder gives the batches of a training, without end.
type Feeder interface {
	// Next waits for the next batch: a tensor for each batch port of the step
	// (without the drop-path masks, which the loop draws). The tensors are the
	// caller's until it calls release. Once ctx is done, Next returns its error.
	Next(ctx context.Context) (feeds map[string]*onnxgraph.Tensor, release func(), err error)
	// StepsPerEpoch is the number of batches in one pass over the data.
	StepsPerEpoch() int
	// Position says, as JSON, where the batches that Next has given end: a Feeder
	// that is opened there goes on with the same batches.
	Position() (json.RawMessage, error)
}
