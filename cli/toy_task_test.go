package cli

import (
	"context"
	"math/rand/v2"

	"pmx/builders"
	"pmx/images"
	"pmx/onnxgraph"
	"pmx/onnxgraph/op"
	"pmx/step"
	"pmx/tasks"
	"pmx/training"
)

// meanColour is a task for the tests, whole in this file: a linear map of an image's
// pixels is trained to give the image's mean colour. testdata/script/toy-task.txtar
// trains it by the commands, none of which knows of it.
var _ = tasks.Register(tasks.Task{Name: "mean-colour", Summary: "regress the mean colour of an image", New: func() tasks.Recipe { return new(meanColour) }})

type meanColour struct {
	tasks.Base
	Task  string  `json:"task" help:"mean-colour"`
	Side  int     `json:"side" help:"side of the images in pixels" min:"1" max:"64"`
	Batch int     `json:"batch" help:"images of a step" min:"1" max:"1024"`
	LR    float64 `json:"base_lr" help:"learning rate" min:"0" max:"1e38"`
}

func (r *meanColour) TaskName() string { return "mean-colour" }
func (r *meanColour) BatchSize() int   { return r.Batch }
func (r *meanColour) Validate() error  { return nil }

func (r *meanColour) Plan() (*builders.Plan, error) {
	return &builders.Plan{Task: r.TaskName(), Config: r, Optimizer: builders.SGD{Momentum: 0.9}, Model: func(d *builders.Draft) {
		zeros := func(_ *rand.Rand, shape onnxgraph.Shape) []float32 { return make([]float32, shape.Size()) }
		weight := d.Params("").Param("weight", zeros, 3, 3*r.Side*r.Side)
		image := d.Feed("image", onnxgraph.Float32, step.Normal, r.Batch, 3*r.Side*r.Side)
		colour := d.Feed("colour", onnxgraph.Float32, step.Uniform, r.Batch, 3)
		off := op.Sub(op.MatMul(image, op.Transpose(weight.Value, 1, 0)), colour)
		d.Minimise(op.Reshape(op.ReduceMean(op.Mul(off, off), false, 0, 1), 1))
	}}, nil
}

func (r *meanColour) Schedules(int) training.Schedules {
	return training.Schedules{step.HyperLR: training.Constant(r.LR), step.HyperWeightDecay: training.Constant(0)}
}

func (r *meanColour) Open(ctx context.Context, o tasks.OpenOptions) (tasks.Data, error) {
	data, err := tasks.OpenImages(ctx, r.Common(), o)
	if err != nil {
		return nil, err
	}
	return colours{data, r}, data.CheckBatch(r.Batch, o.Remedy)
}

type colours struct {
	tasks.ImageData
	recipe *meanColour
}

func (c colours) StepsPerEpoch() int { return c.Len() / c.recipe.Batch }

func (c colours) Feeder(at training.Position, _ int) (tasks.Feeder, error) {
	at.StepsPerEpoch = c.StepsPerEpoch()
	return &colourFeeder{colours: c, at: at}, nil
}

type colourFeeder struct {
	colours
	at training.Position
}

func (f *colourFeeder) Position() training.Position { return f.at }
func (f *colourFeeder) Close()                      {}

func (f *colourFeeder) Next(ctx context.Context) (map[string]*onnxgraph.Tensor, func(), error) {
	order := images.NewRand(f.recipe.Seed, images.StreamShuffle, f.at.Epoch, 0).Perm(f.Len())
	batch, size := f.recipe.Batch, 3*f.recipe.Side*f.recipe.Side
	pixels, colour := onnxgraph.Zeros(onnxgraph.Float32, []int{batch, size}), onnxgraph.Zeros(onnxgraph.Float32, []int{batch, 3})
	var work images.Workspace
	var img images.Image
	for i, index := range order[f.at.Step*batch:][:batch] {
		if _, err := f.Train.Sample(ctx, index, &img); err != nil {
			return nil, nil, err
		}
		for k, v := range (images.EvalTransform{Size: f.recipe.Side}).Apply(&img, nil, &work).Pix {
			x := float32(v) / 255
			onnxgraph.Data[float32](pixels)[i*size+k] = x
			onnxgraph.Data[float32](colour)[i*3+k%3] += x * 3 / float32(size)
		}
	}
	f.at = training.PositionAt(f.at.Done()+1, f.at.StepsPerEpoch)
	return map[string]*onnxgraph.Tensor{"image": pixels, "colour": colour}, func() {}, nil
}
