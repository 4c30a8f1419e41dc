package builders

import (
	"fmt"

	"pmx/onnxgraph"
	"pmx/onnxgraph/op"
	"pmx/step"
)

// SGD is stochastic gradient descent with momentum, as torch.optim.SGD has it:
//
//	g = gradient + decay·w
//	v = momentum·v + g
//	w = w - lr·v,  or with Nesterov  w - lr·(g + momentum·v)
type SGD struct {
	Momentum float64
	Nesterov bool
}

var _ Optimizer = SGD{}

func (SGD) begin(*update) {}

func (s SGD) update(u *update, d *Draft, p *Param, gradient, lr, decay *onnxgraph.Value) (map[string]*onnxgraph.Value, *onnxgraph.Value) {
	name := fmt.Sprintf("%s.%s", step.Moment1, p.Name)
	v := d.graph.Input(name, onnxgraph.Float32, p.Shape...)
	d.addState(step.Tensor{Name: name, Kind: step.Moment1, Shape: p.Shape})
	square := op.ReduceSumSquare(op.Reshape(gradient, -1), true)
	if decay != u.none {
		gradient = op.Add(gradient, op.Mul(p.Value, decay))
	}
	momentum := op.Scalar(v, s.Momentum)
	v = op.Add(op.Mul(v, momentum), gradient)
	direction := v
	if s.Nesterov {
		direction = op.Add(gradient, op.Mul(v, momentum))
	}
	return map[string]*onnxgraph.Value{p.Name: op.Sub(p.Value, op.Mul(direction, lr)), name: v}, square
}
