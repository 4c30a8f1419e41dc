package onnxgraph_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"sync"
	"testing"

	"pmx/onnxgraph"
	"pmx/onnxgraph/op"
)

func TestEvalFeeds(t *testing.T) {
	g := build(t, func(g *onnxgraph.Graph) {
		x := g.Input("x", onnxgraph.Float32, onnxgraph.Dynamic, 2)
		g.Input("n", onnxgraph.Int64)
		g.Output("y", op.Neg(x))
	})
	n := onnxgraph.ScalarTensor(int64(1))
	for _, c := range []struct {
		x    *onnxgraph.Tensor
		n    *onnxgraph.Tensor
		want string // "" is accepted
	}{
		{onnxgraph.Zeros(onnxgraph.Float32, []int{3, 2}), n, ""},
		{onnxgraph.Zeros(onnxgraph.Float64, []int{1, 2}), n, ""},
		{onnxgraph.Zeros(onnxgraph.Float16, []int{0, 2}), n, ""},
		{nil, n, "onnxgraph: graph g: input x is not fed"},
		{onnxgraph.Zeros(onnxgraph.Float32, []int{3, 3}), n, "onnxgraph: graph g: input x: want float[? 2], got float[3 3]"},
		{onnxgraph.Zeros(onnxgraph.Float32, []int{2}), n, "input x: want float[? 2], got float[2]"},
		{onnxgraph.Zeros(onnxgraph.Int64, []int{3, 2}), n, "input x: want float[? 2], got int64[3 2]"},
		{onnxgraph.Zeros(onnxgraph.Float32, []int{3, 2}), onnxgraph.ScalarTensor(1.0), "input n: want int64[], got double[]"},
	} {
		feeds := map[string]*onnxgraph.Tensor{"n": c.n}
		if c.x != nil {
			feeds["x"] = c.x
		}
		out, err := onnxgraph.Eval(g, feeds)
		switch {
		case c.want == "" && (err != nil || out["y"].DType() != onnxgraph.Float64 || !out["y"].Shape().Equal(c.x.Shape())):
			t.Errorf("%v gave %v, %v", c.x, out["y"], err)
		case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
			t.Errorf("%v gave the error %v, want %s", c.x, err, c.want)
		}
	}
}

// TestEvalThroughBody runs operators without an Eval, one in the other's body.
func TestEvalThroughBody(t *testing.T) {
	g := build(t, func(g *onnxgraph.Graph) {
		x := g.Input("x", onnxgraph.Float64, 2)
		g.Output("y", onnxgraph.Apply("test.Outer", nil, x))
	})
	out, err := onnxgraph.Eval(g, map[string]*onnxgraph.Tensor{"x": onnxgraph.NewTensor([]int{2}, []float64{1, -2})})
	if err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(out["y"].Float64s()); got != "[3 -6]" {
		t.Errorf("x + x + x = %s", got)
	}
}

// What a faulty operator's Eval gives is caught where it happens.
var _ = onnxgraph.Register(onnxgraph.OpSchema{
	Name: "Faulty", SinceVersion: 1, Inputs: []string{"X"}, Outputs: []string{"Y"},
	Infer: sameAsX, Grad: onnxgraph.ZeroGradient("it only fails"),
	Eval: func(n *onnxgraph.Node, in []*onnxgraph.Tensor) ([]*onnxgraph.Tensor, error) {
		switch n.Attributes.Str("how", "") {
		case "error":
			return nil, fmt.Errorf("no luck")
		case "shape":
			return []*onnxgraph.Tensor{onnxgraph.Zeros(onnxgraph.Float64, []int{7})}, nil
		case "type":
			return []*onnxgraph.Tensor{onnxgraph.Zeros(onnxgraph.Int64, in[0].Shape())}, nil
		}
		return nil, nil
	},
})

func TestEvalErrors(t *testing.T) {
	for how, want := range map[string]string{
		"error": "onnxgraph: Faulty deep/Faulty: no luck",
		"shape": "onnxgraph: Faulty deep/Faulty: output 0: want float[2], got double[7]",
		"type":  "onnxgraph: Faulty deep/Faulty: output 0: want float[2], got int64[2]",
		"none":  "onnxgraph: Faulty deep/Faulty: Eval gave 0 outputs of 1",
	} {
		g := build(t, func(g *onnxgraph.Graph) {
			defer g.Scope("deep")()
			g.Output("y", onnxgraph.Apply("Faulty", onnxgraph.Attributes{"how": how}, g.Input("x", onnxgraph.Float32, 2)))
		})
		_, err := onnxgraph.Eval(g, map[string]*onnxgraph.Tensor{"x": onnxgraph.Zeros(onnxgraph.Float32, []int{2})})
		if err == nil || err.Error() != want {
			t.Errorf("%s: the error is %v, want %s", how, err, want)
		}
	}
}

// TestEvalOfLateSizes: what shape inference could not see is refused before an
// operator computes with it.
func TestEvalOfLateSizes(t *testing.T) {
	const dyn = onnxgraph.Dynamic
	ones := func(n int) *onnxgraph.Tensor { return onnxgraph.Zeros(onnxgraph.Float32, []int{n}) }
	for _, c := range []struct {
		name  string
		build func(g *onnxgraph.Graph) *onnxgraph.Value
		feeds map[string]*onnxgraph.Tensor
		want  string
	}{
		{"channels of a convolution", func(g *onnxgraph.Graph) *onnxgraph.Value {
			return op.Conv(g.Input("x", onnxgraph.Float32, 1, dyn, 2), g.Const(onnxgraph.Zeros(onnxgraph.Float32, []int{1, 3, 1})), nil, op.ConvAttrs{})
		}, map[string]*onnxgraph.Tensor{"x": onnxgraph.Zeros(onnxgraph.Float32, []int{1, 2, 2})}, "Conv Conv: W [1 3 1] in 1 groups does not fit 2 channels"},
		{"channels of a batch norm", func(g *onnxgraph.Graph) *onnxgraph.Value {
			c := g.Input("c", onnxgraph.Float32, dyn)
			return op.BatchNormalization(g.Input("x", onnxgraph.Float32, 1, 3), c, c, c, c, 1e-5)
		}, map[string]*onnxgraph.Tensor{"x": onnxgraph.Zeros(onnxgraph.Float32, []int{1, 3}), "c": ones(2)}, "c is [2], want [3]"},
		{"a body's operands", func(g *onnxgraph.Graph) *onnxgraph.Value {
			return op.PMXLayerNorm(g.Input("x", onnxgraph.Float32, 2, dyn), g.Input("scale", onnxgraph.Float32, dyn), g.Input("bias", onnxgraph.Float32, dyn), 1e-6)
		}, map[string]*onnxgraph.Tensor{"x": onnxgraph.Zeros(onnxgraph.Float32, []int{2, 3}), "scale": ones(1), "bias": ones(3)}, "want X [... D]"},
		{"a computed size", func(g *onnxgraph.Graph) *onnxgraph.Value {
			return op.ConstantOfShape(g.Input("shape", onnxgraph.Int64, 2), nil)
		}, map[string]*onnxgraph.Tensor{"shape": onnxgraph.NewTensor([]int{2}, []int64{1 << 20, 1 << 20})}, "its output would be too large: shape [1048576 1048576]"},
		{"a computed size below 0", func(g *onnxgraph.Graph) *onnxgraph.Value {
			return op.ConstantOfShape(g.Input("shape", onnxgraph.Int64, 2), nil)
		}, map[string]*onnxgraph.Tensor{"shape": onnxgraph.NewTensor([]int{2}, []int64{-1, 2})}, "size 0 of [-1 2] is negative"},
	} {
		g := build(t, func(g *onnxgraph.Graph) { g.Output("y", c.build(g)) })
		if _, err := onnxgraph.Eval(g, c.feeds); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: the error is %v, want %s", c.name, err, c.want)
		}
	}
}

// TestEvaluatorConcurrently: one Evaluator serves several goroutines, and does
// not change its feeds.
func TestEvaluatorConcurrently(t *testing.T) {
	m := sampleModel(t)
	e := onnxgraph.NewEvaluator(m.Graph)
	var wait sync.WaitGroup
	for k := range 8 {
		wait.Go(func() {
			x := onnxgraph.NewTensor([]int{1, 3}, []float64{float64(k), 2, 3})
			y := onnxgraph.NewTensor([]int{2, 3}, []float64{.1, .2, .7, .3, .3, .4})
			for range 20 {
				out, err := e.Run(map[string]*onnxgraph.Tensor{"x": x, "y": y})
				if err != nil {
					t.Error(err)
					return
				}
				if got := out["sum"].Float64s()[0]; got != float64(k)+1 || x.Float64s()[0] != float64(k) {
					t.Errorf("sum is %v, want %d", got, k+1)
					return
				}
			}
		})
	}
	wait.Wait()
}

// TestAttributes reads what is there and falls back where it is not, or of
// another type.
func TestAttributes(t *testing.T) {
	a := onnxgraph.Attributes{"i": int64(3), "f": float32(0.999), "s": "x", "is": onnxgraph.IntsAttr(1, -2), "third": float32(1) / 3}
	if a.Int("i", 0) != 3 || a.Int("f", 7) != 7 || a.Int("none", 7) != 7 {
		t.Error("Int")
	}
	if a.Float("i", 7) != 7 || a.Float("none", 7) != 7 || !math.IsInf(onnxgraph.Attributes{"f": float32(math.Inf(1))}.Float("f", 0), 1) {
		t.Error("Float")
	}
	// The shortest decimals that round to these float32s.
	if a.Float("f", 0) != 0.999 || a.Float("third", 0) != 0.33333334 {
		t.Errorf("Float gives %v and %v", a.Float("f", 0), a.Float("third", 0))
	}
	if a.Str("s", "") != "x" || a.Str("i", "y") != "y" {
		t.Error("Str")
	}
	if fmt.Sprint(a.Ints("is")) != "[1 -2]" || a.Ints("i") != nil {
		t.Error("Ints")
	}
	if got := strings.Join(a.Names(), " "); got != "f i is s third" {
		t.Errorf("Names gives %s", got)
	}
	if got := onnxgraph.Attributes(nil).String(); got != "" {
		t.Errorf("no attributes print %q", got)
	}
}

// TestRunContext does not reach a node that fails once its context is done.
func TestRunContext(t *testing.T) {
	g := build(t, func(g *onnxgraph.Graph) {
		g.Output("y", onnxgraph.Apply("Faulty", onnxgraph.Attributes{"how": "error"}, g.Input("x", onnxgraph.Float32, 2)))
	})
	feeds := map[string]*onnxgraph.Tensor{"x": onnxgraph.Zeros(onnxgraph.Float32, []int{2})}
	ctx, cancel := context.WithCancelCause(t.Context())
	if _, err := onnxgraph.NewEvaluator(g).RunContext(ctx, feeds); err == nil || !strings.Contains(err.Error(), "no luck") {
		t.Errorf("error %v, want the node's", err)
	}
	cause := errors.New("cause")
	cancel(cause)
	if out, err := onnxgraph.NewEvaluator(g).RunContext(ctx, feeds); !errors.Is(err, cause) || out != nil {
		t.Errorf("outputs %v, error %v; want the cause", out, err)
	}
}
