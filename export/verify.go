package export

import (
	"context"
	"fmt"
	"math"

	"pmx/artifacts/safetensors"
	"pmx/builders"
	"pmx/onnxgraph"
	"pmx/runtimes"
)

// Tolerance is how far an exported encoder's float32 features may be from the
// training graph's in float64, relative to the largest: float32 rounding through
// 12 blocks makes some 1e-6.
const Tolerance = 1e-5

// Verifier compares exported files with the training graph, whose passes in float64
// take seconds for a large encoder.
type Verifier struct {
	Runtime runtimes.Runtime // runs exported models
	Options runtimes.Options
	// Progress, unless nil, is told how many of the passes are done.
	Progress func(done, total int64)
}

// exported is what can be written and verified: an encoder, a classifier.
type exported interface {
	// ONNX is the model for inference.
	ONNX(o builders.EncoderOptions) (*onnxgraph.Model, error)
	// Safetensors are the weights and their file's metadata.
	Safetensors() ([]safetensors.Named, map[string]string, error)
	// Architecture says how images are normalised, among other things.
	Architecture() builders.ArchitectureInfo
	// sizes are those of the images that a model with these options is verified with,
	// the trained one first.
	sizes(o builders.EncoderOptions) []imageSize
	// outputs are what the training graph computes of randomImage, by the names of the
	// model's outputs.
	outputs(ctx context.Context, size imageSize) (map[string][]float64, error)
	// with is the same model with other weights.
	with(path string, weights map[string]*onnxgraph.Tensor) exported
}

// ONNX reads a model that was exported with these options and compares its features
// with the training graph's, one that takes any size also at a larger size than it
// was trained at, which is not square. It gives the largest difference, relative to
// the largest feature; one above Tolerance is an error.
func (v *Verifier) ONNX(ctx context.Context, path string, e *Encoder, o builders.EncoderOptions) (float64, error) {
	difference, err := v.comparison(len(e.sizes(o))).onnx(ctx, path, e, o)
	return difference, named(path, err)
}

// Safetensors reads a file of weights and compares the training graph's features
// with them and with the encoder's, as ONNX does.
func (v *Verifier) Safetensors(ctx context.Context, path string, e *Encoder) (float64, error) {
	difference, err := v.comparison(2).safetensors(ctx, path, e)
	return difference, named(path, err)
}

// named says of which file an error is.
func named(path string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("export: %s: %w", path, err)
}

// comparison is the work of a Verifier on files of the same model.
type comparison struct {
	*Verifier
	done, total int64 // passes of the training graph
	known       map[pass]map[string][]float64
}

// pass is one of images of a size through a model's training graph.
type pass struct {
	of   exported
	size imageSize
}

func (v *Verifier) comparison(passes int) *comparison {
	c := &comparison{Verifier: v, total: int64(passes), known: map[pass]map[string][]float64{}}
	c.tell()
	return c
}

func (c *comparison) tell() {
	if c.Progress != nil {
		c.Progress(c.done, c.total)
	}
}

// outputs gives the training graph's, once for a model and a size.
func (c *comparison) outputs(ctx context.Context, of exported, size imageSize) (map[string][]float64, error) {
	if out := c.known[pass{of, size}]; out != nil {
		return out, nil
	}
	out, err := of.outputs(ctx, size)
	if err != nil {
		return nil, err
	}
	c.known[pass{of, size}] = out
	c.done++
	c.tell()
	return out, nil
}

// sizes implements exported.
func (e *Encoder) sizes(o builders.EncoderOptions) []imageSize {
	trained := e.trainedSize()
	if !o.DynamicSize {
		return []imageSize{trained}
	}
	p := e.Config.PatchSize
	return []imageSize{trained, {trained.height + p, trained.width + 2*p}}
}

// with implements exported.
func (e *Encoder) with(path string, weights map[string]*onnxgraph.Tensor) exported {
	other := *e
	other.Path, other.Tensors = path, weights
	return &other
}

func (c *comparison) onnx(ctx context.Context, path string, of exported, o builders.EncoderOptions) (float64, error) {
	model, err := onnxgraph.ReadModelFile(path)
	if err != nil {
		return 0, err
	}
	if err := context.Cause(ctx); err != nil {
		return 0, err
	}
	inference, err := c.Runtime.NewInference(model, c.Options)
	if err != nil {
		return 0, err
	}
	defer inference.Close()
	worst := 0.0
	for _, size := range of.sizes(o) {
		want, err := c.outputs(ctx, of, size)
		if err != nil {
			return 0, err
		}
		got, err := inference.Run(map[string]*onnxgraph.Tensor{builders.EncoderInput: exportedInput(randomImage(size), o, of.Architecture())})
		if err != nil {
			return 0, err
		}
		for name, values := range want {
			if got[name] == nil {
				return 0, fmt.Errorf("it has no output %s", name)
			}
			worst = math.Max(worst, farthest(got[name].Float64s(), values))
		}
	}
	if err := context.Cause(ctx); err != nil {
		return 0, err
	}
	return worst, tolerable(worst)
}

func (c *comparison) safetensors(ctx context.Context, path string, of exported) (float64, error) {
	list, _, err := safetensors.ReadFile(path)
	if err != nil {
		return 0, err
	}
	weights := map[string]*onnxgraph.Tensor{}
	for _, t := range list {
		weights[t.Name] = t.Tensor
	}
	size := of.sizes(builders.EncoderOptions{})[0]
	want, err := c.outputs(ctx, of, size)
	if err != nil {
		return 0, err
	}
	got, err := c.outputs(ctx, of.with(path, weights), size)
	if err != nil {
		return 0, err
	}
	worst := 0.0
	for name, values := range want {
		worst = math.Max(worst, farthest(got[name], values))
	}
	return worst, tolerable(worst)
}

func tolerable(difference float64) error {
	if !(difference <= Tolerance) {
		return fmt.Errorf("its features differ from the training graph's by %.2g of the largest, more than %.0e: report this with the output of pmx version", difference, Tolerance)
	}
	return nil
}

// farthest is the largest difference, relative to want's largest entry; infinite
// where the lengths differ or a number is NaN.
func farthest(got, want []float64) float64 {
	if len(got) != len(want) {
		return math.Inf(1)
	}
	worst, largest := 0.0, 0.0
	for i, x := range got {
		d := math.Abs(x - want[i])
		if math.IsNaN(d) {
			return math.Inf(1)
		}
		worst, largest = math.Max(worst, d), math.Max(largest, math.Abs(want[i]))
	}
	if worst == 0 {
		return 0
	}
	return worst / largest
}
