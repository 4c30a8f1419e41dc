package onnxgraph_test

import (
	"fmt"

	"pgregory.net/rapid"

	"pmx/onnxgraph"
	"pmx/onnxgraph/op"
)

// tester is what *testing.T and *rapid.T share.
type tester interface {
	Helper()
	Fatal(args ...any)
	Fatalf(format string, args ...any)
}

// drawGraph makes a random graph of float64 values: shared and repeated work,
// constants, identities, functions, scopes, values that nothing uses.
func drawGraph(t *rapid.T) (*onnxgraph.Graph, map[string]*onnxgraph.Tensor) {
	feeds := map[string]*onnxgraph.Tensor{}
	g, err := onnxgraph.Build("random", func(g *onnxgraph.Graph) {
		var pool []*onnxgraph.Value
		for i := range rapid.IntRange(1, 3).Draw(t, "inputs") {
			shape := drawShape(t)
			name := fmt.Sprintf("x%d", i)
			pool = append(pool, g.Input(name, onnxgraph.Float64, shape...))
			feeds[name] = drawTensor(t, shape)
		}
		for i := range rapid.IntRange(0, 2).Draw(t, "weights") {
			pool = append(pool, g.NamedConst(fmt.Sprintf("layer.%d/weight", i), drawTensor(t, drawShape(t))))
		}
		for range rapid.IntRange(1, 15).Draw(t, "nodes") {
			leave := g.Scope(rapid.SampledFrom([]string{"a", "b.0", "a/c"}).Draw(t, "scope"))
			pool = append(pool, drawNode(t, pool))
			leave()
		}
		for i := range rapid.IntRange(1, 3).Draw(t, "outputs") {
			g.Output(fmt.Sprintf("y%d", i), rapid.SampledFrom(pool).Draw(t, "output"))
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	return g, feeds
}

func drawNode(t *rapid.T, pool []*onnxgraph.Value) *onnxgraph.Value {
	x := rapid.SampledFrom(pool).Draw(t, "operand")
	y := rapid.SampledFrom(pool).Draw(t, "other")
	if _, err := onnxgraph.Broadcast(x.Shape, y.Shape); err != nil {
		y = op.Scalar(x, rapid.SampledFrom([]float64{-1, 0.5, 2}).Draw(t, "scalar"))
	}
	switch rapid.SampledFrom([]string{"add", "sub", "mul", "neg", "exp", "sum", "identity", "stop", "reshape", "function"}).Draw(t, "op") {
	case "add":
		return op.Add(x, y)
	case "sub":
		return op.Sub(x, y)
	case "mul":
		return op.Mul(x, y)
	case "exp":
		return op.Exp(op.Neg(op.Mul(x, x)))
	case "sum":
		if x.Rank() == 0 {
			return op.Neg(x)
		}
		return op.ReduceSum(x, rapid.Bool().Draw(t, "keep"), 0)
	case "identity":
		return op.Identity(x)
	case "stop":
		return op.StopGradient(x)
	case "reshape":
		return op.Reshape(x, -1)
	case "function":
		if x.Rank() == 0 {
			return op.Neg(x)
		}
		return op.SoftmaxGrad(x, x)
	}
	return op.Neg(x)
}

// drawShape gives shapes of rank 1 to 3 that often broadcast.
func drawShape(t *rapid.T) []int {
	return rapid.SliceOfN(rapid.SampledFrom([]int{1, 2, 3}), 1, 3).Draw(t, "shape")
}

func drawTensor(t *rapid.T, shape []int) *onnxgraph.Tensor {
	size := onnxgraph.Shape(shape).Size()
	return onnxgraph.NewTensor(shape, rapid.SliceOfN(rapid.Float64Range(-2, 2), size, size).Draw(t, "data"))
}
