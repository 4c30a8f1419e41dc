package training

import (
	"context"

	"pmx/onnxgraph"
)

// Feeder gives the batches of a training, without end.
type Feeder interface {
	// Next waits for the next batch: a tensor for each batch port of the step. The
	// tensors are the caller's until it calls release. Once ctx is done, Next returns
	// its error.
	Next(ctx context.Context) (feeds map[string]*onnxgraph.Tensor, release func(), err error)
	// StepsPerEpoch is the number of batches in one pass over the data.
	StepsPerEpoch() int
	// Position says where the batches that Next has given end: a Feeder that is
	// opened there continues with the same batches.
	Position() Position
}

// Position is where in the data a run stands: the batch that comes next. Every random
// draw follows from the seed and a place like this, so it is all that a checkpoint
// keeps of a Feeder. The zero value is the beginning.
type Position struct {
	Epoch int `json:"epoch"`
	Step  int `json:"step"` // in the epoch
	// StepsPerEpoch is how many steps an epoch has; 0 in a checkpoint that does not
	// say so.
	StepsPerEpoch int `json:"steps_per_epoch,omitempty"`
}

// PositionAt is the position after so many steps.
func PositionAt(steps int64, stepsPerEpoch int) Position {
	n := int64(stepsPerEpoch)
	return Position{Epoch: int(steps / n), Step: int(steps % n), StepsPerEpoch: stepsPerEpoch}
}

// Done is the number of steps before the position.
func (p Position) Done() int64 { return int64(p.Epoch)*int64(p.StepsPerEpoch) + int64(p.Step) }
