package builders

import (
	"fmt"

	"pmx/onnxgraph"
	"pmx/onnxgraph/op"
	"pmx/step"
)

// AdamW is Adam with decoupled weight decay (arXiv 1711.05101), as torch.optim.AdamW
// has it, with its defaults β1 0.9, β2 0.999, ε 1e-8. Weight decay is multiplied by
// the parameter's own learning rate.
type AdamW struct{}

var _ Optimizer = AdamW{}

func (AdamW) begin(u *update) {
	u.c1, u.c2 = biasCorrection(u.steps, adamBeta1, false), biasCorrection(u.steps, adamBeta2, true)
}

func (AdamW) update(u *update, d *Draft, p *Param, gradient, lr, decay *onnxgraph.Value) (map[string]*onnxgraph.Value, *onnxgraph.Value) {
	name1, name2 := fmt.Sprintf("%s.%s", step.Moment1, p.Name), fmt.Sprintf("%s.%s", step.Moment2, p.Name)
	m, v := d.graph.Input(name1, onnxgraph.Float32, p.Shape...), d.graph.Input(name2, onnxgraph.Float32, p.Shape...)
	d.addState(step.Tensor{Name: name1, Kind: step.Moment1, Shape: p.Shape})
	d.addState(step.Tensor{Name: name2, Kind: step.Moment2, Shape: p.Shape})
	if lr.Rank() > 1 || lr.Shape[0] > 1 { // a rate for each row: what a rate of 1 takes off is scaled
		zero, one := op.Fill(p.Value, 0, p.Shape...), op.Fill(u.lr, 1, 1)
		taken, m, v, square := op.AdamW(zero, gradient, m, v, one, u.none, u.c1, u.c2, adamBeta1, adamBeta2, adamEpsilon)
		kept := op.Sub(p.Value, op.Mul(p.Value, op.Mul(lr, decay)))
		return map[string]*onnxgraph.Value{p.Name: op.Add(kept, op.Mul(taken, lr)), name1: m, name2: v}, square
	}
	x, m, v, square := op.AdamW(p.Value, gradient, m, v, lr, decay, u.c1, u.c2, adamBeta1, adamBeta2, adamEpsilon)
	return map[string]*onnxgraph.Value{p.Name: x, name1: m, name2: v}, square
}

// biasCorrection is 1-βᵗ, or its root, as float [1]. The power is taken in
// float64: in float32, 1-0.999 has lost five digits.
func biasCorrection(t *onnxgraph.Value, beta float64, root bool) *onnxgraph.Value {
	steps := op.Cast(t, onnxgraph.Float64)
	c := op.Sub(op.Scalar(steps, 1), op.Pow(op.Scalar(steps, beta), steps))
	if root {
		c = op.Sqrt(c)
	}
	return op.Cast(c, onnxgraph.Float32)
}
