package autodiff_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"pmx/internal/numtest"
	"pmx/onnxgraph"
	"pmx/onnxgraph/autodiff"
	"pmx/onnxgraph/op"
)

// gradients evaluates d(loss)/dx of a loss of inputs named as in feeds, with nil
// for an input that gets no gradient.
func gradients(t *testing.T, names []string, feeds map[string]*onnxgraph.Tensor, loss func(x []*onnxgraph.Value) *onnxgraph.Value) []*onnxgraph.Tensor {
	t.Helper()
	var absent []bool
	g, err := onnxgraph.Build("test", func(g *onnxgraph.Graph) {
		x := make([]*onnxgraph.Value, len(names))
		for i, name := range names {
			x[i] = g.Input(name, onnxgraph.Float64, feeds[name].Shape()...)
		}
		y := loss(x)
		for i, gx := range autodiff.Gradients(y, x) {
			if absent = append(absent, gx == nil); gx != nil {
				g.Output("d"+names[i], gx)
			}
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	got, err := onnxgraph.Eval(g, feeds)
	if err != nil {
		t.Fatal(err)
	}
	out := make([]*onnxgraph.Tensor, len(names))
	for i, name := range names {
		if !absent[i] {
			out[i] = got["d"+name]
		}
	}
	return out
}

func tensor(shape []int, v ...float64) *onnxgraph.Tensor { return onnxgraph.NewTensor(shape, v) }

func wantTensor(t *testing.T, name string, got, want *onnxgraph.Tensor) {
	t.Helper()
	if got == nil || want == nil {
		if got != want {
			t.Errorf("%s: got %v, want %v", name, got, want)
		}
		return
	}
	if !got.Shape().Equal(want.Shape()) {
		t.Errorf("%s: got shape %v, want %v", name, got.Shape(), want.Shape())
		return
	}
	if err := numtest.Compare(got.Float64s(), want.Float64s(), numtest.Tolerance("double", numtest.Pointwise)); err != nil {
		t.Errorf("%s: %v", name, err)
	}
}

// sum is a loss whose gradient is 1 everywhere.
func sum(x *onnxgraph.Value) *onnxgraph.Value { return op.ReduceSum(x, false) }

// TestUnbroadcast checks that the cotangent of an operand that was repeated is
// summed back to its shape: each element of x counts how often it was used.
func TestUnbroadcast(t *testing.T) {
	y := tensor([]int{2, 3, 4}, make([]float64, 24)...)
	for _, c := range []struct {
		name  string
		shape []int
		used  float64
	}{
		{"same shape", []int{2, 3, 4}, 1},
		{"scalar", nil, 24},
		{"one element", []int{1, 1, 1}, 24},
		{"missing dimension", []int{3, 4}, 2},
		{"missing dimensions", []int{4}, 6},
		{"dimension of 1", []int{2, 1, 4}, 3},
		{"missing and of 1", []int{3, 1}, 8},
		{"all but the last of 1", []int{1, 1, 4}, 6},
	} {
		t.Run(c.name, func(t *testing.T) {
			x := onnxgraph.Zeros(onnxgraph.Float64, c.shape)
			want := x.Clone()
			for i := range onnxgraph.Data[float64](want) {
				onnxgraph.Data[float64](want)[i] = c.used
			}
			got := gradients(t, []string{"x", "y"}, map[string]*onnxgraph.Tensor{"x": x, "y": y},
				func(x []*onnxgraph.Value) *onnxgraph.Value { return sum(op.Add(x[0], x[1])) })
			wantTensor(t, "dx", got[0], want)
		})
	}
}

// wrong gives its input's gradient twice side by side.
var wrong = onnxgraph.Register(onnxgraph.OpSchema{
	Name: "WrongGradient", Domain: "test", SinceVersion: 1, Inputs: []string{"X"}, Outputs: []string{"Y"},
	Infer: func(n *onnxgraph.Node) ([]onnxgraph.Type, error) { return []onnxgraph.Type{n.Inputs[0].Type}, nil },
	Grad: onnxgraph.Differentiable(func(_ *onnxgraph.Node, dy []*onnxgraph.Value) []*onnxgraph.Value {
		return []*onnxgraph.Value{op.Concat(1, dy[0], dy[0])}
	}),
	Body: func(_ *onnxgraph.Node, in []*onnxgraph.Value) []*onnxgraph.Value {
		return []*onnxgraph.Value{op.Identity(in[0])}
	},
})

// TestWrongCotangent: a gradient that is not of its input's shape is an error, and is
// not summed to some other shape.
func TestWrongCotangent(t *testing.T) {
	_, err := onnxgraph.Build("test", func(g *onnxgraph.Graph) {
		x := g.Input("x", onnxgraph.Float64, 2, 3)
		g.Output("dx", autodiff.Gradients(sum(onnxgraph.Apply(wrong.ID(), nil, x)), []*onnxgraph.Value{x})[0])
	})
	if err == nil || !strings.Contains(err.Error(), "an operator's gradient gives [2 6] for an input of [2 3]") {
		t.Errorf("got %v", err)
	}
}

func TestReusedValueAccumulates(t *testing.T) {
	// d/dx Σ (x·x + 3x + x) = 2x + 4: x is read by four operands.
	got := gradients(t, []string{"x"}, map[string]*onnxgraph.Tensor{"x": tensor([]int{3}, -1, 0, 2)},
		func(x []*onnxgraph.Value) *onnxgraph.Value {
			three := op.Scalar(x[0], 3)
			return sum(op.Add(op.Add(op.Mul(x[0], x[0]), op.Mul(x[0], three)), x[0]))
		})
	wantTensor(t, "dx", got[0], tensor([]int{3}, 2*-1+4, 4, 2*2+4))
}

func TestDiamond(t *testing.T) {
	// y = eˣ feeds two branches that meet again: d/dx Σ y·(y+1) = 2y² + y.
	x := tensor([]int{2}, 0, 0)
	got := gradients(t, []string{"x"}, map[string]*onnxgraph.Tensor{"x": x},
		func(x []*onnxgraph.Value) *onnxgraph.Value {
			y := op.Exp(x[0])
			return sum(op.Mul(y, op.Add(y, op.Scalar(y, 1))))
		})
	wantTensor(t, "dx", got[0], tensor([]int{2}, 3, 3))
}

func TestUnreachableGetsNil(t *testing.T) {
	got := gradients(t, []string{"x", "unused", "compared"}, map[string]*onnxgraph.Tensor{
		"x": tensor([]int{2}, 1, -1), "unused": tensor(nil, 1), "compared": tensor([]int{2}, 0, 0),
	}, func(x []*onnxgraph.Value) *onnxgraph.Value {
		op.Exp(x[1]) // a node that the loss does not read
		return sum(op.Where(op.Greater(x[0], x[2]), x[0], op.Neg(x[0])))
	})
	wantTensor(t, "dx", got[0], tensor([]int{2}, 1, -1))
	wantTensor(t, "dunused", got[1], nil)
	wantTensor(t, "dcompared", got[2], nil)
}

func TestStopGradientBlocks(t *testing.T) {
	// The target of a contrastive loss counts as a constant: d/dx Σ x·sg(x²) = x².
	got := gradients(t, []string{"x", "y"}, map[string]*onnxgraph.Tensor{"x": tensor([]int{2}, 3, -2), "y": tensor([]int{2}, 1, 1)},
		func(x []*onnxgraph.Value) *onnxgraph.Value {
			target := op.StopGradient(op.Mul(op.Mul(x[0], x[0]), x[1]))
			return sum(op.Mul(x[0], target))
		})
	wantTensor(t, "dx", got[0], tensor([]int{2}, 9, 4))
	wantTensor(t, "dy", got[1], nil)
}

// TestWithRespectToInner asks for the gradient of a value in the middle: the path
// from there to the loss counts, and nothing before it is walked.
func TestWithRespectToInner(t *testing.T) {
	g, err := onnxgraph.Build("test", func(g *onnxgraph.Graph) {
		x := g.Input("x", onnxgraph.Float64, 2)
		y := op.Exp(x)
		before := len(g.Nodes())
		gy := autodiff.Gradients(sum(op.Mul(y, y)), []*onnxgraph.Value{y})
		for _, n := range g.Nodes()[before:] {
			if strings.HasPrefix(n.Name, "Exp_grad") {
				t.Errorf("node %s differentiates what lies before the wanted value", n.Name)
			}
		}
		g.Output("dy", gy[0])
	})
	if err != nil {
		t.Fatal(err)
	}
	got, err := onnxgraph.Eval(g, map[string]*onnxgraph.Tensor{"x": tensor([]int{2}, 0, 0)})
	if err != nil {
		t.Fatal(err)
	}
	wantTensor(t, "dy", got["dy"], tensor([]int{2}, 2, 2))
}

// TestPullback checks several outputs, of which one has no cotangent.
func TestPullback(t *testing.T) {
	g, err := onnxgraph.Build("test", func(g *onnxgraph.Graph) {
		x := g.Input("x", onnxgraph.Float64, 4)
		parts := op.Split(x, 0, 1, 1, 2)
		u := g.Input("u", onnxgraph.Float64, 2)
		gx := autodiff.Pullback([]*onnxgraph.Value{parts[0], parts[2], x}, []*onnxgraph.Value{nil, u, nil}, []*onnxgraph.Value{x})
		g.Output("dx", gx[0])
		if none := autodiff.Pullback(nil, nil, []*onnxgraph.Value{x, u}); !slices.Equal(none, []*onnxgraph.Value{nil, nil}) {
			t.Errorf("no outputs give %v, want no cotangents", none)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	got, err := onnxgraph.Eval(g, map[string]*onnxgraph.Tensor{"x": tensor([]int{4}, 1, 2, 3, 4), "u": tensor([]int{2}, 5, 6)})
	if err != nil {
		t.Fatal(err)
	}
	wantTensor(t, "dx", got["dx"], tensor([]int{4}, 0, 0, 5, 6))
}

// TestDecomposition differentiates through an operator's Body: the second
// derivative of gelu at 0 is 2 φ(0) = √(2/π).
func TestDecomposition(t *testing.T) {
	got := gradients(t, []string{"x"}, map[string]*onnxgraph.Tensor{"x": tensor([]int{1}, 0)},
		func(x []*onnxgraph.Value) *onnxgraph.Value {
			return sum(autodiff.Gradients(sum(op.Gelu(x[0])), x)[0])
		})
	wantTensor(t, "d²x", got[0], tensor([]int{1}, 0.79788456080286535588))
}

// TestDecompositionOfRelatedOperands differentiates an operator through its Body
// where one operand is computed from the other, and where both are one value:
// geluGrad(a, b) with f(x) = x·(Φ(x) + x φ(x)) has f'(0) = Φ(0) = 1/2.
func TestDecompositionOfRelatedOperands(t *testing.T) {
	for name, f := range map[string]func(x *onnxgraph.Value) *onnxgraph.Value{
		"computed from the other": func(x *onnxgraph.Value) *onnxgraph.Value { return op.GeluGrad(op.Identity(x), x) },
		"one value twice":         func(x *onnxgraph.Value) *onnxgraph.Value { return op.GeluGrad(x, x) },
	} {
		t.Run(name, func(t *testing.T) {
			got := gradients(t, []string{"x"}, map[string]*onnxgraph.Tensor{"x": tensor([]int{1}, 0)},
				func(x []*onnxgraph.Value) *onnxgraph.Value { return sum(f(x[0])) })
			wantTensor(t, "dx", got[0], tensor([]int{1}, 0.5))
		})
	}
}

// TestWithRespectToBlocked asks for the gradient of what StopGradient gives.
func TestWithRespectToBlocked(t *testing.T) {
	g, err := onnxgraph.Build("test", func(g *onnxgraph.Graph) {
		x := g.Input("x", onnxgraph.Float64, 2)
		y := op.StopGradient(x)
		gx := autodiff.Gradients(sum(op.Mul(y, y)), []*onnxgraph.Value{x, y})
		if gx[0] != nil {
			t.Error("a cotangent flows through StopGradient")
		}
		g.Output("dy", gx[1])
	})
	if err != nil {
		t.Fatal(err)
	}
	got, err := onnxgraph.Eval(g, map[string]*onnxgraph.Tensor{"x": tensor([]int{2}, 3, -1)})
	if err != nil {
		t.Fatal(err)
	}
	wantTensor(t, "dy", got["dy"], tensor([]int{2}, 6, -2))
}

func TestNotDifferentiable(t *testing.T) {
	build := func(use bool) error {
		_, err := onnxgraph.Build("test", func(g *onnxgraph.Graph) {
			x := g.Input("x", onnxgraph.Float64, 5)
			y := g.Input("y", onnxgraph.Float64, 5)
			one := op.Fill(x, 1, 1)
			next, _, _, _ := op.AdamW(x, y, y, y, one, one, one, one, 0.9, 0.999, 1e-8)
			g.Output("next", next)
			loss := sum(y)
			if use {
				loss = op.Add(loss, sum(next))
			}
			autodiff.Gradients(loss, []*onnxgraph.Value{x, y})
		})
		return err
	}
	if err := build(false); err != nil {
		t.Errorf("no gradient is asked through AdamW, yet: %v", err)
	}
	err := build(true)
	var fault *onnxgraph.Error
	if !errors.As(err, &fault) {
		t.Fatalf("gradient through AdamW: got %v, want an *onnxgraph.Error", err)
	}
	if fault.Op != "pmx.AdamW" || !strings.Contains(fault.Reason, "no gradient") {
		t.Errorf("got operator %q, reason %q", fault.Op, fault.Reason)
	}
}

// TestErrorsSayWhere checks that a message holds the operator, the operands with
// their shapes, and the line of this file.
func TestErrorsSayWhere(t *testing.T) {
	for _, c := range []struct {
		name string
		f    func(g *onnxgraph.Graph)
		want []string
	}{
		{"loss of several elements", func(g *onnxgraph.Graph) {
			x := g.Input("x", onnxgraph.Float64, 2, 3)
			autodiff.Gradients(op.Exp(x), []*onnxgraph.Value{x})
		}, []string{"Gradients(double[2 3] Exp)", "must have one element"}},
		{"dynamic shapes", func(g *onnxgraph.Graph) {
			x := g.Input("x", onnxgraph.Float64, onnxgraph.Dynamic, 3)
			b := g.Input("bias", onnxgraph.Float64, 3)
			autodiff.Gradients(sum(op.Add(x, b)), []*onnxgraph.Value{b})
		}, []string{"[? 3]", "gradients need fixed shapes"}},
		{"operand shapes", func(g *onnxgraph.Graph) {
			x := g.Input("x", onnxgraph.Float32, 2, 3)
			y := g.Input("y", onnxgraph.Float32, 2, 4)
			op.Mul(x, y)
		}, []string{"Mul(float[2 3] x, float[2 4] y)", "do not broadcast"}},
		{"statistics", func(g *onnxgraph.Graph) {
			x := g.Input("x", onnxgraph.Float64, 2, 3)
			s := g.Input("s", onnxgraph.Float64, 3)
			_, mean, _ := op.LayerNormalization(x, s, nil, 1e-6)
			autodiff.Gradients(sum(mean), []*onnxgraph.Value{x})
		}, []string{"LayerNormalization(double[2 3] x, double[3] s)", "no gradient through the saved statistics"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := onnxgraph.Build("test", c.f)
			var fault *onnxgraph.Error
			if !errors.As(err, &fault) {
				t.Fatalf("got %v, want an *onnxgraph.Error", err)
			}
			for _, part := range append(c.want, "autodiff_test.go:") {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("message %q lacks %q", err, part)
				}
			}
		})
	}
}

// TestGradientNodeNames checks that nodes made for a node's gradient carry its
// name, so that a dump can be read.
func TestGradientNodeNames(t *testing.T) {
	g, err := onnxgraph.Build("test", func(g *onnxgraph.Graph) {
		x := g.Input("x", onnxgraph.Float64, 2)
		leave := g.Scope("encoder")
		y := op.Exp(x)
		leave()
		g.Output("dx", autodiff.Gradients(sum(y), []*onnxgraph.Value{x})[0])
	})
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, n := range g.Nodes() {
		names = append(names, n.Name)
	}
	want := []string{"encoder/Exp", "ReduceSum", "loss_grad/Expand", "ReduceSum_grad/Reshape", "ReduceSum_grad/Expand", "encoder/Exp_grad/Mul"}
	if !slices.Equal(names, want) {
		t.Errorf("nodes are named %q, want %q", names, want)
	}
}
