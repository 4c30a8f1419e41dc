package builders

import (
	"pmx/onnxgraph"
	"pmx/onnxgraph/op"
	"pmx/step"
)

// Optimizer is the rule by which a step changes its parameters. AdamW and SGD are
// the ones that there are.
type Optimizer interface {
	// begin adds what all parameters share.
	begin(u *update)
	// update gives the parameter after the step, the state of the optimizer that
	// belongs to it under its names, and the gradient's sum of squares [1].
	update(u *update, d *Draft, p *Param, gradient, lr, decay *onnxgraph.Value) (next map[string]*onnxgraph.Value, square *onnxgraph.Value)
}

// update adds an optimizer's update of all parameters: weight decay and learning
// rate by group, and the norm of all gradients, clipped if asked for.
type update struct {
	plan      *Plan
	lr, decay *onnxgraph.Value
	count     *onnxgraph.Value // steps done before this one, int64 [1]
	steps     *onnxgraph.Value // with this one
	norm      *onnxgraph.Value // of the gradient before clipping, [1]
	none      *onnxgraph.Value // no decay

	scaled map[scaledBy]*onnxgraph.Value // products that groups share

	c1, c2 *onnxgraph.Value // AdamW's bias corrections
}

type scaledBy struct {
	of    *onnxgraph.Value
	scale float64
}

// declare makes the optimizer's inputs.
func (u *update) declare(d *Draft) {
	u.lr, u.decay = d.hyper(step.HyperLR), d.hyper(step.HyperWeightDecay)
	u.count = d.graph.Input(step.CounterName, onnxgraph.Int64, 1)
	u.scaled = map[scaledBy]*onnxgraph.Value{}
}

// apply gives the next values of the parameters, the optimizer's state and the
// counter, by name.
func (u *update) apply(d *Draft, optimizer Optimizer, grads *differentiated) map[string]*onnxgraph.Value {
	var clip *onnxgraph.Value
	if u.plan.ClipGrad > 0 { // then no gradient is used up before the last one is known
		u.norm = globalNorm(grads.gradients)
		clip = clipScale(u.norm, u.plan.ClipGrad)
	}
	squares := make([]*onnxgraph.Value, len(grads.params))

	u.steps = op.Add(u.count, op.Scalar(u.count, 1))
	next := map[string]*onnxgraph.Value{step.CounterName: u.steps}
	optimizer.begin(u)
	u.none = op.Fill(u.lr, 0, 1)
	for i, p := range grads.params {
		leave := d.graph.Scope(p.Name)
		gradient := grads.gradients[i]
		if clip != nil {
			gradient = op.Mul(gradient, clip)
		}
		group := u.plan.group(p)
		var changed map[string]*onnxgraph.Value
		changed, squares[i] = optimizer.update(u, d, p, gradient, u.rate(p, group), u.times(u.decay, group.Decay))
		for name, v := range changed {
			next[name] = v
		}
		leave()
	}
	if u.plan.ClipGrad == 0 {
		u.norm = op.Sqrt(op.Sum(squares...))
	}
	d.step.State = append(d.step.State, step.Tensor{Name: step.CounterName, Kind: step.Counter, DType: onnxgraph.Int64.String(), Shape: []int{1}})
	return next
}

// times is v [1] scaled; the same product serves all parameters of a group.
func (u *update) times(v *onnxgraph.Value, scale float64) *onnxgraph.Value {
	switch scale {
	case 0:
		return u.none
	case 1:
		return v
	}
	key := scaledBy{v, scale}
	if u.scaled[key] == nil {
		u.scaled[key] = op.Mul(v, op.Scalar(v, scale))
	}
	return u.scaled[key]
}

// rate is the learning rate of a parameter: [1], or for a group with Parts one for each
// row, [rows 1 ...].
func (u *update) rate(p *Param, g Group) *onnxgraph.Value {
	lr := u.times(u.lr, g.Rate)
	if len(g.Parts) == 0 {
		return lr
	}
	rows := p.Shape[0]
	if rows%len(g.Parts) != 0 {
		onnxgraph.Fail("Parts", []*onnxgraph.Value{p.Value}, "%d rows of %s are not %d parts", rows, p.Name, len(g.Parts))
	}
	factors := make([]float32, rows)
	for i := range factors {
		factors[i] = float32(g.Parts[i/(rows/len(g.Parts))])
	}
	shape := make([]int, len(p.Shape))
	for i := range shape {
		shape[i] = 1
	}
	shape[0] = rows
	return op.Mul(lr, lr.Graph().Const(onnxgraph.NewTensor(shape, factors)))
}

// globalNorm is the length [1] of all gradients as one vector.
func globalNorm(gradients []*onnxgraph.Value) *onnxgraph.Value {
	squares := make([]*onnxgraph.Value, len(gradients))
	for i, g := range gradients {
		squares[i] = op.ReduceSumSquare(op.Reshape(g, -1), true)
	}
	return op.Sqrt(op.Sum(squares...))
}

// clipScale is min(1, limit/(norm+1e-6)), as torch.nn.utils.clip_grad_norm_; nil
// for limit 0, which leaves gradients as they are.
func clipScale(norm *onnxgraph.Value, limit float64) *onnxgraph.Value {
	if limit == 0 {
		return nil
	}
	ratio := op.Div(op.Scalar(norm, limit), op.Add(norm, op.Scalar(norm, 1e-6)))
	return op.Min(ratio, op.Scalar(norm, 1))
}
