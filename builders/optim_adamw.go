package builders

import (
	"fmt"

	"pmx/onnxgraph"
	"pmx/onnxgraph/op"
)

// CounterName is the state tensor that counts optimizer steps, int64 [1].
const CounterName = "step"

// adamW adds the optimizer's update: AdamW over all parameters, weight decay on
// those with more than one dimension only, and the norm of all gradients,
// clipped if asked for.
type adamW struct {
	lr, decay *onnxgraph.Value
	clip      float64
	norm      *onnxgraph.Value // of the gradient before clipping, [1]
	count     *onnxgraph.Value
}

func newAdamW(g *onnxgraph.Graph, lr, decay *onnxgraph.Value, clip float64) *adamW {
	return &adamW{lr: lr, decay: decay, clip: clip, count: g.Input(CounterName, onnxgraph.Int64, 1)}
}

// Decayed reports whether weight decay applies: not to biases and the scales of
// norms, which have one dimension. cls_token and pos_embed are decayed.
func Decayed(p *Param) bool { return len(p.Shape) > 1 }

// update gives the next values of the parameters, their moments and the counter,
// by name.
func (a *adamW) update(s *Step, d *differentiated) map[string]*onnxgraph.Value {
	var scale *onnxgraph.Value
	if a.clip > 0 { // then no gradient is used up before the last one is known
		a.norm = globalNorm(d.gradients)
		scale = clipScale(a.norm, a.clip)
	}
	squares := make([]*onnxgraph.Value, len(d.params))
	g := a.lr.Graph()

	next := map[string]*onnxgraph.Value{CounterName: op.Add(a.count, op.Scalar(a.count, 1))}
	c1, c2 := biasCorrection(next[CounterName], adamBeta1, false), biasCorrection(next[CounterName], adamBeta2, true)
	none := op.Fill(a.lr, 0, 1)
	for i, p := range d.params {
		leave := g.Scope(p.Name)
		gradient, decay := d.gradients[i], none
		if scale != nil {
			gradient = op.Mul(gradient, scale)
		}
		if Decayed(p) {
			decay = a.decay
		}
		name1, name2 := fmt.Sprintf("%s.%s", KindMoment1, p.Name), fmt.Sprintf("%s.%s", KindMoment2, p.Name)
		m, v := g.Input(name1, onnxgraph.Float32, p.Shape...), g.Input(name2, onnxgraph.Float32, p.Shape...)
		next[p.Name], next[name1], next[name2], squares[i] = op.AdamW(p.Value, gradient, m, v, a.lr, decay, c1, c2, adamBeta1, adamBeta2, adamEpsilon)
		s.addState(StateTensor{Name: name1, Kind: KindMoment1, Shape: p.Shape})
		s.addState(StateTensor{Name: name2, Kind: KindMoment2, Shape: p.Shape})
		leave()
	}
	if a.clip == 0 {
		a.norm = op.Sqrt(op.Sum(squares...))
	}
	s.State = append(s.State, StateTensor{Name: CounterName, Kind: KindCounter, DType: onnxgraph.Int64.String(), Shape: []int{1}})
	return next
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
