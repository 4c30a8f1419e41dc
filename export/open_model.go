package export

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"pmx/artifacts/weights"
	"pmx/builders"
	"pmx/internal/cancel"
	"pmx/onnxgraph"
)

// openModel takes the weights of an exported model from the file beside it: parts of them
// are folded into its graph (transposed matrices, the class token with its position).
// Those that the graph has under their names tell whether the two files belong together.
func openModel(ctx context.Context, path string) (*Encoder, *weights.Report, error) {
	model, err := cancel.Unless(ctx, func() (*onnxgraph.Model, error) { return onnxgraph.ReadModelFile(path) })
	if err != nil {
		return nil, nil, err
	}
	description, ok := model.Metadata[builders.EncoderProperty]
	if !ok {
		return nil, nil, fmt.Errorf("export: %s is not an encoder of pmx: it has no metadata %s; name a run, a checkpoint, or a file or folder of weights", path, builders.EncoderProperty)
	}
	beside := weightsPath(path)
	if _, err := os.Stat(beside); errors.Is(err, fs.ErrNotExist) {
		return nil, nil, fmt.Errorf("export: %s has its weights folded into its graph: put %s beside it, which pmx export wrote with it, or name a run or weights", path, beside)
	}
	w, report, err := weights.Read(beside, weights.Options{})
	if err != nil {
		return nil, report, err
	}
	e, err := fromWeights(w, beside)
	if err != nil {
		return nil, report, err
	}
	other := fmt.Errorf("export: %s is not the file that was written with %s: name the one whose weights you want", beside, path)
	named := 0
	for _, c := range model.Graph.Constants() {
		t, ok := w.Tensors[c.Name]
		if !ok {
			continue
		}
		if named++; !t.Shape().Equal(c.Shape) || !bytes.Equal(t.Bytes(), c.Constant().Bytes()) {
			return nil, report, other
		}
	}
	a, err := configOf([]byte(description))
	if err != nil || named == 0 || a.Heads != e.Config.Heads || a.ImageSize != e.Config.ImageSize {
		return nil, report, other
	}
	return e, report, nil
}
