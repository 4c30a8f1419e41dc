package autodiff_test

import (
	"fmt"

	"pmx/onnxgraph"
	"pmx/onnxgraph/autodiff"
	"pmx/onnxgraph/op"
)

// The gradient of Σ x² becomes nodes of the same graph.
func ExampleGradients() {
	g, err := onnxgraph.Build("squares", func(g *onnxgraph.Graph) {
		x := g.Input("x", onnxgraph.Float32, 3)
		loss := op.ReduceSumSquare(x, false)
		g.Output("loss", loss)
		g.Output("dx", autodiff.Gradients(loss, []*onnxgraph.Value{x})[0])
	})
	if err == nil {
		g, err = g.Optimize()
	}
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, n := range g.Nodes() {
		fmt.Println(n.Name, n.Outputs[0].Type)
	}
	out, err := onnxgraph.Eval(g, map[string]*onnxgraph.Tensor{"x": onnxgraph.NewTensor([]int{3}, []float32{1, -2, 3})})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("loss", out["loss"].Float64s()[0], "dx", out["dx"].Float64s())
	// Output:
	// ReduceSumSquare float[]
	// ReduceSumSquare_grad/Mul_1 float[3]
	// loss 14 dx [2 -4 6]
}
