package builders

import (
	"fmt"

	"pmx/onnxgraph"
	"pmx/onnxgraph/op"
	"pmx/step"
)

// LARS is layer-wise adaptive rate scaling (arXiv 1708.03888) as MAE's linear probe has
// it: for matrices
//
//	g = gradient + decay·w
//	g = g · trust·|w|/|g|,  where neither length is 0
//
// and then for all parameters v = momentum·v + g, w = w - lr·v. Of a group with Parts
// each part has lengths of its own.
type LARS struct {
	Momentum, Trust float64
}

var _ Optimizer = LARS{}

func (LARS) begin(*update) {}

func (l LARS) update(u *update, d *Draft, p *Param, gradient, lr, decay *onnxgraph.Value) (map[string]*onnxgraph.Value, *onnxgraph.Value) {
	name := fmt.Sprintf("%s.%s", step.Moment1, p.Name)
	v := d.graph.Input(name, onnxgraph.Float32, p.Shape...)
	d.addState(step.Tensor{Name: name, Kind: step.Moment1, Shape: p.Shape})
	square := op.ReduceSumSquare(op.Reshape(gradient, -1), true)
	if len(p.Shape) > 1 {
		if decay != u.none {
			gradient = op.Add(gradient, op.Mul(p.Value, decay))
		}
		gradient = l.trusted(p, gradient, max(len(u.plan.group(p).Parts), 1))
	}
	v = op.Add(op.Mul(v, op.Scalar(v, l.Momentum)), gradient)
	return map[string]*onnxgraph.Value{p.Name: op.Sub(p.Value, op.Mul(v, lr)), name: v}, square
}

// trusted scales the gradient of each part.
func (l LARS) trusted(p *Param, gradient *onnxgraph.Value, parts int) *onnxgraph.Value {
	length := func(x *onnxgraph.Value) *onnxgraph.Value {
		return op.Sqrt(op.ReduceSum(op.Mul(x, x), true, 1))
	}
	g := op.Reshape(gradient, parts, -1)
	weight, update := length(op.Reshape(p.Value, parts, -1)), length(g)
	zero, one := op.Scalar(weight, 0), op.Scalar(weight, 1)
	ratio := op.Div(op.Mul(weight, op.Scalar(weight, l.Trust)), update)
	ratio = op.Where(op.And(op.Greater(weight, zero), op.Greater(update, zero)), ratio, one)
	return op.Reshape(op.Mul(g, ratio), p.Shape...)
}
