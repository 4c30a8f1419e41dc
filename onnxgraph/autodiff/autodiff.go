// Package autodiff adds the backward pass to a graph by reverse-mode automatic
// differentiation: it walks the nodes from the last to the first and turns the
// cotangent of each output into cotangents of the inputs by the operator's
// vector-Jacobian product (VJP). A short introduction to the words is
// https://docs.jax.dev/en/latest/notebooks/autodiff_cookbook.html.
package autodiff

import (
	"slices"

	"pmx/onnxgraph"
	"pmx/onnxgraph/op"
)

// Gradients adds d(loss)/dx for each x to the graph. loss must have one element.
// An x that loss does not depend on gets nil. Like the operators' constructors
// it panics with *onnxgraph.Error.
func Gradients(loss *onnxgraph.Value, xs []*onnxgraph.Value) []*onnxgraph.Value {
	if loss.Shape.Size() != 1 {
		onnxgraph.Fail("Gradients", []*onnxgraph.Value{loss}, "the loss must have one element")
	}
	defer loss.Graph().ScopeOf("loss_grad")()
	return Pullback([]*onnxgraph.Value{loss}, []*onnxgraph.Value{op.Expand(op.Scalar(loss, 1), loss.Shape...)}, xs)
}

// Pullback adds Σ_k gy_k · dy_k/dx for each x to the graph: gy holds a cotangent
// for each y, of its shape, or nil.
func Pullback(ys, gy, xs []*onnxgraph.Value) []*onnxgraph.Value {
	if len(ys) == 0 {
		return make([]*onnxgraph.Value, len(xs))
	}
	return pull(ys[0].Graph().Nodes(), ys, gy, xs)
}

// pull is Pullback through the given nodes only; others count as constants.
func pull(nodes []*onnxgraph.Node, ys, gy, xs []*onnxgraph.Value) []*onnxgraph.Value {
	active := dependents(nodes, xs)
	cotangents := map[*onnxgraph.Value]*onnxgraph.Value{}
	for i, y := range ys {
		accumulate(cotangents, y, gy[i])
	}
	for _, n := range slices.Backward(nodes) {
		if passes(n, active) {
			pullNode(n, cotangents, active)
		}
	}
	out := make([]*onnxgraph.Value, len(xs))
	for i, x := range xs {
		out[i] = cotangents[x]
	}
	return out
}

// dependents marks the values that some x reaches: only through these do
// cotangents flow.
func dependents(nodes []*onnxgraph.Node, xs []*onnxgraph.Value) map[*onnxgraph.Value]bool {
	active := map[*onnxgraph.Value]bool{}
	for _, x := range xs {
		active[x] = x != nil
	}
	for _, n := range nodes {
		if !passes(n, active) {
			continue
		}
		for _, y := range n.Outputs {
			if y.DType.IsFloat() {
				active[y] = true
			}
		}
	}
	return active
}

// passes reports whether a cotangent can flow through n to an active input.
func passes(n *onnxgraph.Node, active map[*onnxgraph.Value]bool) bool {
	if _, zero := n.Op.Grad.Zero(); zero {
		return false
	}
	return slices.ContainsFunc(n.Inputs, func(v *onnxgraph.Value) bool { return active[v] })
}

// pullNode hands the cotangents of n's outputs on to its inputs.
func pullNode(n *onnxgraph.Node, cotangents map[*onnxgraph.Value]*onnxgraph.Value, active map[*onnxgraph.Value]bool) {
	gy := make([]*onnxgraph.Value, len(n.Outputs))
	flows := false
	for k, y := range n.Outputs {
		gy[k] = cotangents[y]
		flows = flows || gy[k] != nil
	}
	if !flows {
		return
	}
	if reason, refused := n.Op.Grad.Refused(); refused {
		onnxgraph.Fail(n.Op.ID(), n.Inputs, "no gradient: %s", reason)
	}
	defer n.Graph().ScopeOf(n.Name + "_grad")()
	var gx []*onnxgraph.Value
	if n.Op.Grad.Decomposes() {
		gx = pullBody(n, gy)
	} else {
		gx = n.Op.Grad.VJP()(n, gy)
	}
	if len(gx) != len(n.Inputs) {
		onnxgraph.Fail(n.Op.ID(), n.Inputs, "its gradient gave %d cotangents for %d inputs", len(gx), len(n.Inputs))
	}
	for k, x := range n.Inputs {
		if x != nil && gx[k] != nil && active[x] {
			accumulate(cotangents, x, unbroadcast(gx[k], x.Shape))
		}
	}
}

// pullBody differentiates an operator's decomposition: its own nodes and no others,
// since an operand may itself be computed from another one.
func pullBody(n *onnxgraph.Node, gy []*onnxgraph.Value) []*onnxgraph.Value {
	before := len(n.Graph().Nodes())
	ys := n.Decompose(n.Inputs)
	body := slices.Clone(n.Graph().Nodes()[before:])
	var reached, given []*onnxgraph.Value
	for k, g := range gy {
		if g != nil {
			reached, given = append(reached, ys[k]), append(given, g)
		}
	}
	gx := pull(body, reached, given, n.Inputs)
	for k, x := range n.Inputs { // a value that is given twice has its cotangent once
		if slices.Contains(n.Inputs[:k], x) {
			gx[k] = nil
		}
	}
	return gx
}

func accumulate(cotangents map[*onnxgraph.Value]*onnxgraph.Value, x, gx *onnxgraph.Value) {
	switch known := cotangents[x]; {
	case gx == nil:
	case known == nil:
		cotangents[x] = gx
	default:
		cotangents[x] = op.Add(known, gx)
	}
}

// unbroadcast sums a cotangent over the axes along which an operator repeated
// its input: the one place where the transpose of broadcasting is taken.
func unbroadcast(gx *onnxgraph.Value, shape onnxgraph.Shape) *onnxgraph.Value {
	if gx.Shape.Equal(shape) {
		return gx
	}
	if !gx.Shape.Static() || !shape.Static() {
		onnxgraph.Fail("Gradients", []*onnxgraph.Value{gx}, "gradients need fixed shapes, got %v for an input of %v", gx.Shape, shape)
	}
	if whole, err := onnxgraph.Broadcast(gx.Shape, shape); err != nil || !whole.Equal(gx.Shape) {
		onnxgraph.Fail("Gradients", []*onnxgraph.Value{gx}, "an operator's gradient gives %v for an input of %v", gx.Shape, shape)
	}
	lead := len(gx.Shape) - len(shape)
	var axes []int
	for i, d := range gx.Shape {
		if i < lead || shape[i-lead] != d {
			axes = append(axes, i)
		}
	}
	keep := len(axes) > lead // a dimension of 1 was repeated, and stays
	gx = op.ReduceSum(gx, keep, axes...)
	if keep && lead > 0 {
		gx = op.Reshape(gx, shape...)
	}
	return gx
}
