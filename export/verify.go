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

// ONNX reads a model that was exported with these options and compares its features
// with the training graph's, one that takes any size also at a larger size than it
// was trained at, which is not square. It gives the largest difference, relative to
// the largest feature; one above Tolerance is an error.
func (v *Verifier) ONNX(ctx context.Context, path string, e *Encoder, o builders.EncoderOptions) (float64, error) {
	difference, err := v.comparison(len(verifiedSizes(e, o))).onnx(ctx, path, e, o)
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

// comparison is the work of a Verifier on files of the same encoder.
type comparison struct {
	*Verifier
	done, total int64 // passes of the training graph
	known       map[pass]*onnxgraph.Tensor
}

// pass is one of images of a size through an encoder's training graph.
type pass struct {
	encoder *Encoder
	size    imageSize
}

func (v *Verifier) comparison(passes int) *comparison {
	c := &comparison{Verifier: v, total: int64(passes), known: map[pass]*onnxgraph.Tensor{}}
	c.tell()
	return c
}

func (c *comparison) tell() {
	if c.Progress != nil {
		c.Progress(c.done, c.total)
	}
}

// features gives the training graph's, once for an encoder and a size.
func (c *comparison) features(ctx context.Context, e *Encoder, size imageSize) (*onnxgraph.Tensor, error) {
	if tokens := c.known[pass{e, size}]; tokens != nil {
		return tokens, nil
	}
	tokens, err := e.trainingFeatures(ctx, size)
	if err != nil {
		return nil, err
	}
	c.known[pass{e, size}] = tokens
	c.done++
	c.tell()
	return tokens, nil
}

// verifiedSizes are the sizes of images that an exported model is verified with.
func verifiedSizes(e *Encoder, o builders.EncoderOptions) []imageSize {
	trained := e.trainedSize()
	if !o.DynamicSize {
		return []imageSize{trained}
	}
	p := e.Config.PatchSize
	return []imageSize{trained, {trained.height + p, trained.width + 2*p}}
}

func (c *comparison) onnx(ctx context.Context, path string, e *Encoder, o builders.EncoderOptions) (float64, error) {
	model, err := onnxgraph.ReadModelFile(path)
	if err != nil {
		return 0, err
	}
	if err := context.Cause(ctx); err != nil {
		return 0, err
	}
	encoder, err := c.Runtime.NewInference(model, c.Options)
	if err != nil {
		return 0, err
	}
	defer encoder.Close()
	worst := 0.0
	for _, size := range verifiedSizes(e, o) {
		want, err := c.features(ctx, e, size)
		if err != nil {
			return 0, err
		}
		difference, err := compareFeatures(encoder, exportedInput(randomImage(size), o), want)
		if err != nil {
			return 0, err
		}
		worst = math.Max(worst, difference)
	}
	if err := context.Cause(ctx); err != nil {
		return 0, err
	}
	return worst, tolerable(worst)
}

// compareFeatures is the largest relative difference between what an encoder
// makes of an image and the tokens [1 1+T dim] that it should.
func compareFeatures(encoder runtimes.Inference, input, want *onnxgraph.Tensor) (float64, error) {
	got, err := encoder.Run(map[string]*onnxgraph.Tensor{builders.EncoderInput: input})
	if err != nil {
		return 0, err
	}
	tokens := want.Float64s()
	dim := want.Shape()[2]
	return math.Max(farthest(got[builders.EncoderTokens], tokens), farthest(got[builders.EncoderClass], tokens[:dim])), nil
}

func (c *comparison) safetensors(ctx context.Context, path string, e *Encoder) (float64, error) {
	list, _, err := safetensors.ReadFile(path)
	if err != nil {
		return 0, err
	}
	again := &Encoder{Config: e.Config, Root: e.Root, Path: path, Tensors: map[string]*onnxgraph.Tensor{}}
	for _, t := range list {
		again.Tensors[t.Name] = t.Tensor
	}
	var tokens [2]*onnxgraph.Tensor
	for i, encoder := range []*Encoder{e, again} {
		if tokens[i], err = c.features(ctx, encoder, e.trainedSize()); err != nil {
			return 0, err
		}
	}
	difference := farthest(tokens[1], tokens[0].Float64s())
	return difference, tolerable(difference)
}

func tolerable(difference float64) error {
	if !(difference <= Tolerance) {
		return fmt.Errorf("its features differ from the training graph's by %.2g of the largest, more than %.0e: report this with the output of pmx version", difference, Tolerance)
	}
	return nil
}

// farthest is the largest difference, relative to want's largest entry; infinite
// where the sizes differ or a number is none.
func farthest(got *onnxgraph.Tensor, want []float64) float64 {
	if got == nil || got.Size() != len(want) {
		return math.Inf(1)
	}
	worst, largest := 0.0, 0.0
	for i, x := range got.Float64s() {
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
