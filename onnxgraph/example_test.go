package onnxgraph_test

import (
	"fmt"

	"pmx/onnxgraph"
	"pmx/onnxgraph/op"
)

// A graph is built by formulas, printed as ONNX text and evaluated in float64.
func ExampleBuild() {
	g, err := onnxgraph.Build("axpy", func(g *onnxgraph.Graph) {
		a := g.NamedConst("a", onnxgraph.ScalarTensor(float32(2)))
		x := g.Input("x", onnxgraph.Float32, onnxgraph.Dynamic, 3).NameDims("batch", "")
		y := g.Input("y", onnxgraph.Float32, 3)
		g.Output("z", op.Add(op.Mul(a, x), y))
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Print(g)
	out, err := onnxgraph.Eval(g, map[string]*onnxgraph.Tensor{
		"x": onnxgraph.NewTensor([]int{1, 3}, []float32{1, 2, 3}),
		"y": onnxgraph.NewTensor([]int{3}, []float32{10, 20, 30}),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(out["z"].Float64s())
	// Output:
	// axpy (float[batch,3] x, float[3] y) => (float[?,3] z)
	// <
	//    float a = {2}
	// >
	// {
	//    Mul = Mul (a, x)
	//    [Add] z = Add (Mul, y)
	// }
	// [12 24 36]
}

// A fault names the operator, what it was given and the line that asked for it.
func ExampleBuild_error() {
	_, err := onnxgraph.Build("misfit", func(g *onnxgraph.Graph) {
		q := g.Input("q", onnxgraph.Float32, 2, 3)
		k := g.Input("k", onnxgraph.Float32, 2, 4)
		g.Output("z", op.Mul(q, k))
	})
	fmt.Println(err)
	// Output:
	// onnxgraph: Mul(float[2 3] q, float[2 4] k): shapes [2 3] and [2 4] do not broadcast: dimension 1 is 3 and 4 at example_test.go:49
}

// A model is a graph with what a file says about it.
func ExampleModel_Marshal() {
	m, err := onnxgraph.ParseText(`halve (float[n] x) => (float[n] y) <float half = {0.5}> { y = Mul (x, half) }`)
	if err != nil {
		fmt.Println(err)
		return
	}
	m.Metadata = map[string]string{"author": "me"}
	data, err := m.Marshal()
	if err != nil {
		fmt.Println(err)
		return
	}
	d, err := onnxgraph.Describe(data)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(d.GraphName, d.Inputs, d.Outputs, d.Operators, d.Metadata["author"])
	// Output:
	// halve [{x float[n]}] [{y float[n]}] map[Mul:1] me
}
