package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"path/filepath"
	"strings"

	"pmx/artifacts/safetensors"
	"pmx/builders"
	"pmx/internal/atomicfile"
	"pmx/onnxgraph"
	"pmx/training"
)

// exportTolerance is how far an exported encoder's float32 features may be from
// the training graph's in float64, relative to the largest: float32 rounding
// through 12 blocks makes some 1e-6.
const exportTolerance = 1e-4

// Endings of exported files' names.
const (
	modelExt   = ".onnx"
	weightsExt = ".safetensors"
)

// checkExportName: the ending of a file's name says what is exported, the model
// with the weights beside it or the weights alone, which have no options.
func checkExportName(path string, o builders.EncoderOptions) error {
	switch ext := filepath.Ext(path); {
	case ext == modelExt:
		return nil
	case ext != weightsExt:
		return usageErrorf("--out %s: want a name that ends in %s (the model, with the weights beside it) or in %s (the weights alone)", path, modelExt, weightsExt)
	case o.DynamicSize || o.Preprocessing:
		return usageErrorf("--out %s: weights have no input to shape, so --dynamic-size and --with-preprocessing are for a name that ends in %s", path, modelExt)
	}
	return nil
}

// exportFiles writes and checks what a name asks for (see checkExportName). The
// files are made in a folder of their own and take their places when all of them
// are good, so that a failure leaves what was there.
func exportFiles(out io.Writer, w *encoderWeights, o builders.EncoderOptions, path string, v *verifier) error {
	if err := checkExportName(path, o); err != nil {
		return err
	}
	dir, name := filepath.Split(path)
	weightsName := strings.TrimSuffix(name, filepath.Ext(name)) + weightsExt
	var report []string
	end := v.begin(name, o)
	err := atomicfile.Stage(dir, func(staging string) (last []string, err error) {
		difference, err := exportWeights(w, filepath.Join(staging, weightsName), v)
		if err != nil {
			return nil, err
		}
		line := fmt.Sprintf("wrote %s (%s after step %d): features agree to %.1g", filepath.Join(dir, weightsName), w.Root, w.Step, difference)
		if name == weightsName {
			report = []string{line}
			return nil, nil
		}
		if difference, err = exportEncoder(w, o, filepath.Join(staging, name), v); err != nil {
			return nil, err
		}
		report = []string{fmt.Sprintf("wrote %s (%s after step %d): features agree with the training graph's to %.1g of the largest", path, w.Root, w.Step, difference), line}
		return []string{name}, nil // after its data, where that is a file beside it
	})
	end()
	if _, told := errors.AsType[*atomicfile.Error](err); told {
		return err
	}
	if err != nil {
		return fmt.Errorf("%s was not written (an older one is untouched): %w", path, err)
	}
	for _, line := range report {
		fmt.Fprintln(out, line)
	}
	return nil
}

// exportEncoder writes an encoder and checks it: the file is read again, run, and
// compared with the training graph. It gives the largest relative difference.
func exportEncoder(w *encoderWeights, o builders.EncoderOptions, path string, v *verifier) (float64, error) {
	o.Momentum = w.Root == builders.MomentumEncoder
	model, err := builders.Encoder(w.Config, w.Tensors, o)
	if err != nil {
		return 0, err
	}
	if err := model.WriteFile(path); err != nil {
		return 0, err
	}
	return v.onnx(path, w, o)
}

// exportWeights writes an encoder's weights under timm's names (blocks.0.attn.qkv.weight),
// with the architecture as metadata, and checks the file as exportEncoder does.
func exportWeights(w *encoderWeights, path string, v *verifier) (float64, error) {
	architecture, err := json.Marshal(builders.Architecture(w.Config))
	if err != nil {
		return 0, err
	}
	graph, err := trainingEncoder(w, trainedSize(w.Config))
	if err != nil {
		return 0, err
	}
	var tensors []safetensors.Named
	for _, c := range graph.params {
		tensors = append(tensors, safetensors.Named{Name: strings.TrimPrefix(c.Name, w.Root+"."), Tensor: w.Tensors[c.Name]})
	}
	metadata := map[string]string{"format": "pt", builders.EncoderProperty: string(architecture)}
	if err := safetensors.WriteFile(path, tensors, metadata); err != nil {
		return 0, err
	}
	return v.weights(path, w)
}

// encoderGraph is a training graph's encoder for one image.
type encoderGraph struct {
	*onnxgraph.Model
	params []*builders.Param
}

// imageSize is in pixels.
type imageSize struct{ height, width int }

func trainedSize(c builders.Config) imageSize { return imageSize{c.ImageSize, c.ImageSize} }

// trainingEncoder is the encoder as the training step has it, for images of a
// size.
func trainingEncoder(w *encoderWeights, size imageSize) (*encoderGraph, error) {
	e := &encoderGraph{}
	var missing error
	g, err := onnxgraph.Build("training_encoder", func(g *onnxgraph.Graph) {
		params := builders.NewParams(func(p *builders.Param) *onnxgraph.Value {
			t := w.Tensors[p.Name]
			if t == nil || !t.Shape().Equal(p.Shape) || t.DType() != onnxgraph.Float32 {
				missing = fmt.Errorf("%s: want %s as float%v, it holds %v", w.Path, p.Name, p.Shape, t)
				t = onnxgraph.Zeros(onnxgraph.Float32, p.Shape)
			}
			return g.NamedConst(p.Name, t)
		})
		vit := builders.NewViT(params.Root(w.Root), w.Config)
		x := g.Input(builders.EncoderInput, onnxgraph.Float32, 1, 3, size.height, size.width)
		g.Output(builders.EncoderTokens, vit.Forward(x, builders.DropPath{}))
		e.params = params.List()
	})
	if err == nil {
		err = missing
	}
	e.Model = &onnxgraph.Model{Graph: g}
	return e, err
}

// verifier compares exported files with the training graph, whose passes in
// float64 take seconds for a large encoder.
type verifier struct {
	runtime training.Runtime // runs the exported model
	options training.Options
	stderr  io.Writer // shows how far it is; nil: nothing does

	bar    *progressLine
	passes int64 // done
	known  map[expected]*onnxgraph.Tensor
}

// expected are the features of a size that an encoder's training graph has.
type expected struct {
	of   *encoderWeights
	size imageSize
}

// begin shows how many passes a file takes, until the function that it returns is called.
func (v *verifier) begin(name string, o builders.EncoderOptions) (end func()) {
	v.known = map[expected]*onnxgraph.Tensor{}
	if v.stderr == nil {
		return func() {}
	}
	total := int64(2)
	if o.DynamicSize {
		total++
	}
	v.passes, v.bar = 0, newProgress(v.stderr, "verifying "+name+": pass", total)
	v.bar.update(0)
	return func() { v.bar.done(); v.bar = nil }
}

// features gives the tokens [1 1+T dim] of the training graph with these weights
// for randomImage, computed in float64, once.
func (v *verifier) features(w *encoderWeights, size imageSize) (*onnxgraph.Tensor, error) {
	if tokens := v.known[expected{w, size}]; tokens != nil {
		return tokens, nil
	}
	graph, err := trainingEncoder(w, size)
	if err != nil {
		return nil, err
	}
	tokens, err := runReference(graph.Model, normalized(randomImage(size)))
	if err != nil {
		return nil, err
	}
	if v.known != nil {
		v.known[expected{w, size}] = tokens
	}
	if v.passes++; v.bar != nil {
		v.bar.update(v.passes)
	}
	return tokens, nil
}

// onnx compares an exported model, one that takes any size also at a larger size
// than it was trained at, which is not square.
func (v *verifier) onnx(path string, w *encoderWeights, o builders.EncoderOptions) (float64, error) {
	model, err := onnxgraph.ReadModelFile(path)
	if err != nil {
		return 0, err
	}
	encoder, err := v.runtime.NewInference(model, v.options)
	if err != nil {
		return 0, err
	}
	defer encoder.Close()
	trained := trainedSize(w.Config)
	sizes := []imageSize{trained}
	if o.DynamicSize {
		p := w.Config.PatchSize
		sizes = append(sizes, imageSize{trained.height + p, trained.width + 2*p})
	}
	worst := 0.0
	for _, size := range sizes {
		want, err := v.features(w, size)
		if err != nil {
			return 0, err
		}
		difference, err := compareFeatures(encoder, encoderInput(randomImage(size), o), want)
		if err != nil {
			return 0, err
		}
		worst = math.Max(worst, difference)
	}
	return worst, checkExport(worst)
}

// compareFeatures is the largest relative difference between what an encoder
// makes of an image and the tokens [1 1+T dim] that it should.
func compareFeatures(encoder training.Inference, input, want *onnxgraph.Tensor) (float64, error) {
	got, err := encoder.Run(map[string]*onnxgraph.Tensor{builders.EncoderInput: input})
	if err != nil {
		return 0, err
	}
	tokens := want.Float64s()
	dim := want.Shape()[2]
	return math.Max(farthest(got[builders.EncoderTokens], tokens), farthest(got[builders.EncoderClass], tokens[:dim])), nil
}

// weights compares a file of weights: the training graph gives the same features
// with them.
func (v *verifier) weights(path string, w *encoderWeights) (float64, error) {
	list, _, err := safetensors.ReadFile(path)
	if err != nil {
		return 0, err
	}
	again := &encoderWeights{Config: w.Config, Root: w.Root, Path: path, Tensors: map[string]*onnxgraph.Tensor{}}
	for _, t := range list {
		again.Tensors[w.Root+"."+t.Name] = t.Tensor
	}
	var tokens [2]*onnxgraph.Tensor
	for i, weights := range []*encoderWeights{w, again} {
		if tokens[i], err = v.features(weights, trainedSize(w.Config)); err != nil {
			return 0, err
		}
	}
	difference := farthest(tokens[1], tokens[0].Float64s())
	return difference, checkExport(difference)
}

func checkExport(difference float64) error {
	if !(difference <= exportTolerance) {
		return fmt.Errorf("its features differ from the training graph's by %.2g of the largest, more than %.0e: report this with the output of pmx version", difference, exportTolerance)
	}
	return nil
}

// runReference gives a model's tokens [1 1+T dim], computed in float64.
func runReference(model *onnxgraph.Model, image *onnxgraph.Tensor) (*onnxgraph.Tensor, error) {
	runtime, err := training.LookupRuntime("reference")
	if err != nil {
		return nil, err
	}
	encoder, err := runtime.NewInference(model, training.Options{})
	if err != nil {
		return nil, err
	}
	defer encoder.Close()
	out, err := encoder.Run(map[string]*onnxgraph.Tensor{builders.EncoderInput: image})
	return out[builders.EncoderTokens], err
}

// randomImage is bytes [1 height width 3], the same for a size.
func randomImage(size imageSize) *onnxgraph.Tensor {
	rng := rand.New(rand.NewPCG(uint64(size.height), uint64(size.width)))
	pixels := make([]uint8, size.height*size.width*3)
	for i := range pixels {
		pixels[i] = uint8(rng.UintN(256))
	}
	return onnxgraph.NewTensor([]int{1, size.height, size.width, 3}, pixels)
}

// encoderInput is an image as an exported encoder takes it.
func encoderInput(raw *onnxgraph.Tensor, o builders.EncoderOptions) *onnxgraph.Tensor {
	if o.Preprocessing {
		return raw
	}
	return normalized(raw)
}

// normalized turns bytes [n H W 3] into what the encoder was trained on, float
// [n 3 H W].
func normalized(raw *onnxgraph.Tensor) *onnxgraph.Tensor {
	s := raw.Shape()
	n, pixels := s[0], s[1]*s[2]
	out := make([]float32, raw.Size())
	for i, v := range onnxgraph.Data[uint8](raw) {
		image, pixel, channel := i/(3*pixels), i/3%pixels, i%3
		out[(image*3+channel)*pixels+pixel] = (float32(v)/255 - builders.ImageMean[channel]) / builders.ImageStd[channel]
	}
	return onnxgraph.NewTensor([]int{n, 3, s[1], s[2]}, out)
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
