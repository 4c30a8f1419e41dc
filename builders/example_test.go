package builders_test

import (
	"fmt"
	"log"
	"math/rand/v2"

	"pmx/builders"
	"pmx/onnxgraph"
	"pmx/onnxgraph/op"
	"pmx/step"
)

// A training step of linear regression: the model is written by hand, Build adds the
// backward pass and the optimizer.
func ExampleBuild() {
	Zeros := func(_ *rand.Rand, shape onnxgraph.Shape) []float32 { return make([]float32, shape.Size()) }
	s, err := builders.Build(&builders.Plan{
		Task: "regression", Optimizer: builders.SGD{Momentum: 0.9},
		Model: func(d *builders.Draft) {
			weight := d.Params("").Param("weight", Zeros, 1, 3)
			x, y := d.Feed("x", onnxgraph.Float32, step.Normal, 8, 3), d.Feed("y", onnxgraph.Float32, step.Normal, 8, 1)
			off := op.Sub(op.MatMul(x, op.Transpose(weight.Value, 1, 0)), y)
			d.Minimise(op.Reshape(op.ReduceMean(op.Mul(off, off), false, 0, 1), 1))
		},
	})
	if err != nil {
		log.Fatal(err)
	}
	for _, t := range s.State {
		fmt.Println(t.Kind, t.Name, t.Shape)
	}
	for _, p := range s.Batch {
		fmt.Println("feed", p.Name, p.Shape)
	}
	fmt.Println(s.Hyper, s.Metrics)
	// Output:
	// param weight [1 3]
	// moment1 moment1.weight [1 3]
	// counter step [1]
	// feed x [8 3]
	// feed y [8 1]
	// [{lr} {weight_decay}] [loss grad_norm]
}
