// Package gradcheck compares the gradient of every registered operator with
// central differences of its Eval, in float64, along random directions:
//
//	⟨vjp(u), t⟩ = ⟨u, (f(x+εt) - f(x-εt)) / 2ε⟩
//
// for a random cotangent u and a random direction t of each input in turn. An
// operator without a case is a failure, so that a new one cannot stay untested.
package gradcheck

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"pmx/internal/numtest"
	"pmx/onnxgraph"
	"pmx/onnxgraph/autodiff"
)

// Case is one point at which an operator's gradient is checked.
type Case struct {
	Name string
	// Fn applies the operator; the gradient of the sum of all its outputs, each
	// weighted at random, is what is checked.
	Fn     func(x []*onnxgraph.Value) []*onnxgraph.Value
	Shapes [][]int
	// Draw gives one element of input i; nil draws from the standard normal.
	Draw func(rng *rand.Rand, i int) float64
	// Inputs fixes the point instead, where a special value matters.
	Inputs [][]float64
	// Epsilon is the step of the difference; 0 means 1e-5. Use 1 where Fn is
	// linear in each input: the difference is then exact.
	Epsilon float64
	// Tolerance is relative to 1+|difference|; 0 takes it from numtest's table.
	Tolerance float64
	// OnlyEval says why ONNX Runtime does not run the case, or not to the digits of
	// float32, "" if it does.
	OnlyEval string
	// Fixed lists inputs that are not differentiated: they must get no cotangent.
	Fixed []int
}

var cases = map[string][]Case{}

// Add registers cases for the operator with that ID; test files call it at
// package level.
func Add(id string, c ...Case) struct{} {
	cases[id] = append(cases[id], c...)
	return struct{}{}
}

// Cases lists the cases for the operator with that ID.
func Cases(id string) []Case { return cases[id] }

// Unary adapts a constructor of one operand.
func Unary(f func(x *onnxgraph.Value) *onnxgraph.Value) func([]*onnxgraph.Value) []*onnxgraph.Value {
	return func(x []*onnxgraph.Value) []*onnxgraph.Value { return []*onnxgraph.Value{f(x[0])} }
}

// Binary adapts a constructor of two operands.
func Binary(f func(a, b *onnxgraph.Value) *onnxgraph.Value) func([]*onnxgraph.Value) []*onnxgraph.Value {
	return func(x []*onnxgraph.Value) []*onnxgraph.Value { return []*onnxgraph.Value{f(x[0], x[1])} }
}

// Run checks every registered operator.
func Run(t *testing.T) {
	for _, schema := range onnxgraph.Operators() {
		t.Run(schema.ID(), func(t *testing.T) {
			_, zero := schema.Grad.Zero()
			_, refused := schema.Grad.Refused()
			if zero || refused {
				if len(cases[schema.ID()]) > 0 {
					t.Error("it has gradient cases, and says that nothing flows or that it has no gradient")
				}
				return
			}
			if len(cases[schema.ID()]) == 0 {
				t.Fatalf("no gradient case: add gradcheck.Add(%q, ...) to the operator's _test.go", schema.ID())
			}
			for _, c := range cases[schema.ID()] {
				t.Run(c.Name, func(t *testing.T) { Check(t, schema.ID(), c) })
			}
		})
	}
	for id := range cases {
		if domain, name := split(id); name != "" {
			if _, err := onnxgraph.Lookup(domain, name); err != nil {
				t.Errorf("gradient cases for %q: %v", id, err)
			}
		}
	}
}

func split(id string) (domain, name string) {
	for i := len(id) - 1; i >= 0; i-- {
		if id[i] == '.' {
			return id[:i], id[i+1:]
		}
	}
	return "", id
}

// Check runs one case. id, if not empty, must occur among the nodes that Fn makes.
func Check(t *testing.T, id string, c Case) {
	t.Helper()
	if err := Verify(id, c); err != nil {
		t.Error(err)
	}
}

// Verify is Check for callers that want the error: one line for each input whose
// cotangent is wrong.
func Verify(id string, c Case) error {
	p, err := newProbe(id, c, onnxgraph.Float64)
	if err != nil {
		return err
	}
	analytic, err := p.run()
	if err != nil {
		return err
	}
	var faults []error
	for i := range c.Shapes {
		gx := onnxgraph.Data[float64](analytic[fmt.Sprintf("gx%d", i)])
		if slices.Contains(c.Fixed, i) {
			if norm(gx) != 0 {
				faults = append(faults, fmt.Errorf("%s: input %d is fixed, yet a cotangent flows to it", id, i))
			}
			continue
		}
		direction := normal(p.rng, len(gx))
		want, err := p.difference(i, direction)
		if err != nil {
			return err
		}
		got, tol := dot(gx, direction), c.tolerance()
		if d := math.Abs(got - want); !(d <= tol*(1+math.Abs(want))) {
			faults = append(faults, fmt.Errorf("%s: input %d: ⟨vjp, t⟩ = %.9g, central difference %.9g (|Δ| = %.2g, tol %g, seed %d)",
				id, i, got, want, d, tol, seed))
		}
	}
	return errors.Join(faults...)
}

// seed draws every point, cotangent and direction.
const seed = 20230612

// Build makes a case's graph in the given element type, and the point it is
// checked at. Inputs x0, x1, ... are the operands and u0, u1, ... the cotangents of
// the float outputs y0, y1, ...; gx0, gx1, ... are the operands' cotangents.
// Values of rank 0 go in and out as [1], because the bindings of runtimes refuse
// them.
func Build(id string, c Case, dtype onnxgraph.DType) (*onnxgraph.Graph, map[string]*onnxgraph.Tensor, error) {
	p, err := newProbe(id, c, dtype)
	if err != nil {
		return nil, nil, err
	}
	if dtype == onnxgraph.Float32 {
		for name, t := range p.feeds {
			p.feeds[name] = onnxgraph.Narrow(t)
		}
	}
	return p.graph, p.feeds, nil
}

// probe is a case's graph with the point it is checked at.
type probe struct {
	rng     *rand.Rand
	graph   *onnxgraph.Graph
	eval    *onnxgraph.Evaluator
	feeds   map[string]*onnxgraph.Tensor
	outputs int // of float type
	epsilon float64
}

// reshape is op.Reshape; gradcheck may not import op, whose tests import gradcheck.
func reshape(v *onnxgraph.Value, shape ...int) *onnxgraph.Value {
	to := onnxgraph.NewTensor([]int{len(shape)}, onnxgraph.Shape(shape).Int64())
	return onnxgraph.Apply("Reshape", nil, v, v.Graph().Const(to))
}

func newProbe(id string, c Case, dtype onnxgraph.DType) (*probe, error) {
	p := &probe{rng: rand.New(rand.NewPCG(seed, 0)), feeds: map[string]*onnxgraph.Tensor{}, epsilon: orDefault(c.Epsilon, 1e-5)}
	input := func(g *onnxgraph.Graph, name string, shape []int) *onnxgraph.Value {
		if len(shape) == 0 {
			return reshape(g.Input(name, dtype, 1))
		}
		return g.Input(name, dtype, shape...)
	}
	output := func(g *onnxgraph.Graph, name string, v *onnxgraph.Value) {
		if v.Rank() == 0 {
			v = reshape(v, 1)
		}
		g.Output(name, v)
	}
	g, err := onnxgraph.Build("gradcheck", func(g *onnxgraph.Graph) {
		x := make([]*onnxgraph.Value, len(c.Shapes))
		for i, shape := range c.Shapes {
			x[i] = input(g, fmt.Sprintf("x%d", i), shape)
		}
		ys := c.Fn(x)
		if id != "" && !applies(g, id) {
			onnxgraph.Fail("", nil, "the case does not apply %s", id)
		}
		var floats, u []*onnxgraph.Value
		for _, y := range ys {
			if y.DType.IsFloat() {
				floats = append(floats, y)
				u = append(u, input(g, fmt.Sprintf("u%d", len(u)), y.Shape))
			}
		}
		p.outputs = len(floats)
		for i, gx := range autodiff.Pullback(floats, u, x) {
			if gx == nil {
				gx = g.Const(onnxgraph.Zeros(dtype, c.Shapes[i]))
			}
			output(g, fmt.Sprintf("gx%d", i), gx)
		}
		for k, y := range floats {
			output(g, fmt.Sprintf("y%d", k), y)
		}
	})
	if err != nil {
		return nil, err
	}
	if p.outputs == 0 {
		return nil, fmt.Errorf("gradcheck: %s: no output of the case is a float", id)
	}
	p.graph, p.eval = g, onnxgraph.NewEvaluator(g)
	for _, in := range g.Inputs() {
		p.feeds[in.Name] = onnxgraph.NewTensor(in.Shape, normal(p.rng, in.Shape.Size()))
	}
	for i := range c.Shapes {
		x := onnxgraph.Data[float64](p.feeds[fmt.Sprintf("x%d", i)])
		switch {
		case c.Inputs != nil && len(c.Inputs[i]) != len(x):
			return nil, fmt.Errorf("gradcheck: %s: input %d is given %d elements for shape %v", id, i, len(c.Inputs[i]), c.Shapes[i])
		case c.Inputs != nil:
			copy(x, c.Inputs[i])
		case c.Draw != nil:
			for k := range x {
				x[k] = c.Draw(p.rng, i)
			}
		}
	}
	return p, nil
}

func (p *probe) run() (map[string]*onnxgraph.Tensor, error) { return p.eval.Run(p.feeds) }

// difference is ⟨u, (f(x+εt) - f(x-εt)) / 2ε⟩ for input i.
func (p *probe) difference(i int, direction []float64) (float64, error) {
	name := fmt.Sprintf("x%d", i)
	x := p.feeds[name]
	defer func() { p.feeds[name] = x }()
	sum := 0.0
	for _, sign := range []float64{1, -1} {
		p.feeds[name] = onnxgraph.NewTensor(x.Shape(), step(onnxgraph.Data[float64](x), direction, sign*p.epsilon))
		out, err := p.run()
		if err != nil {
			return 0, err
		}
		for k := range p.outputs {
			u, y := p.feeds[fmt.Sprintf("u%d", k)], out[fmt.Sprintf("y%d", k)]
			sum += sign / (2 * p.epsilon) * dot(onnxgraph.Data[float64](u), onnxgraph.Data[float64](y))
		}
	}
	return sum, nil
}

// tolerance is tighter where the difference of a linear operator is exact.
func (c Case) tolerance() float64 {
	kind := numtest.Difference
	if c.Epsilon == 1 {
		kind = numtest.Summed
	}
	return orDefault(c.Tolerance, numtest.Tolerance("double", kind))
}

func applies(g *onnxgraph.Graph, id string) bool {
	for _, n := range g.Nodes() {
		if n.Op.ID() == id {
			return true
		}
	}
	return false
}

func orDefault(v, fallback float64) float64 {
	if v == 0 {
		return fallback
	}
	return v
}

func normal(rng *rand.Rand, n int) []float64 {
	out := make([]float64, n)
	for i := range out {
		out[i] = rng.NormFloat64()
	}
	return out
}

func step(x, direction []float64, by float64) []float64 {
	out := make([]float64, len(x))
	for i := range x {
		out[i] = x[i] + by*direction[i]
	}
	return out
}

func dot(a, b []float64) float64 {
	sum := 0.0
	for i := range a {
		sum += a[i] * b[i]
	}
	return sum
}

func norm(a []float64) float64 { return math.Sqrt(dot(a, a)) }
