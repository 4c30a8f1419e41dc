package builders

import (
	"pmx/onnxgraph"
	"pmx/onnxgraph/op"
	"pmx/step"
)

// Names by which ONNX Runtime Training knows what an input or output is for. An
// output with the last suffix is not shown to the host.
const (
	ortResetGradient  = "lazy_reset_grad"           // bool [1]: begin the sums again
	ortGradientBuffer = "_grad.accumulation.buffer" // after a parameter's name: its gradient
	ortWritten        = "_grad.accumulation.out"
)

// lowerTraining writes the training model. State is written where it lies
// (op.InPlaceAccumulator), which the graph's edges say nothing of; each write is
// therefore made to need all that reads the old value:
//
//   - the update of the momentum encoder, or of a batch norm's running statistics,
//     is the only reader of the old average, and gives what is written;
//   - weight decay waits for the norm of all gradients, which needs every one of
//     them and so everything that is computed with a parameter.
func (p *Plan) lowerTraining(g *onnxgraph.Graph, s *step.Step) {
	var lr, weightDecay *onnxgraph.Value
	draft := newDraft(g, s, newRunningStatistics(g, false), lowering{begin: func(d *Draft) {
		lr, weightDecay = d.hyper(step.HyperLR), d.hyper(step.HyperWeightDecay)
	}})
	p.Model(draft)
	draft.begin()
	d := draft.differentiate()

	leave := g.ScopeOf("state")
	norm := globalNorm(d.gradients)
	written := writeGradients(g, d, clipScale(norm, p.ClipGrad))
	written = append(written, writeAverages(g, s, draft.averages)...)
	written = append(written, p.writeDecayed(d, lr, weightDecay, norm)...)
	leave()

	draft.outputs(append(draft.metrics, Metric{step.MetricGradNorm, norm}))
	for _, w := range written {
		g.Output(w.name+ortWritten, w.flag)
	}
	for i := range s.State {
		t := &s.State[i]
		t.In, t.Out = t.Name, t.Name+ortWritten
	}
}

// outputs are the metrics as scalars, the loss first.
func (d *Draft) outputs(metrics []Metric) {
	for _, metric := range metrics {
		d.step.Metrics = append(d.step.Metrics, metric.Name)
		d.graph.Output(metric.Name, op.Reshape(metric.Value))
	}
}

// write is a change of state in place.
type write struct {
	name string
	flag *onnxgraph.Value // that it is done; as an output it keeps the write in the graph
}

// writeGradients hands the gradients, clipped where scale is not nil, to the
// buffers that the optimizer model reads.
func writeGradients(g *onnxgraph.Graph, d *differentiated, scale *onnxgraph.Value) []write {
	var buffers []*onnxgraph.Value
	for _, p := range d.params {
		buffers = append(buffers, g.Input(p.Name+ortGradientBuffer, onnxgraph.Float32, p.Shape...))
	}
	reset := g.Input(ortResetGradient, onnxgraph.Bool, 1)
	var written []write
	for i, p := range d.params {
		gradient := d.gradients[i]
		if scale != nil {
			gradient = op.Mul(gradient, scale)
		}
		flag, _ := op.InPlaceAccumulator(buffers[i], gradient, reset)
		written = append(written, write{p.Name, flag})
	}
	return written
}

// writeAverages assigns the momentum encoder's new parameters, with which this
// step has computed, and the new running statistics to their inputs.
func writeAverages(g *onnxgraph.Graph, s *step.Step, averages map[string]*onnxgraph.Value) []write {
	overwrite := g.Const(onnxgraph.NewTensor([]int{1}, []bool{true}))
	inputs := map[string]*onnxgraph.Value{}
	for _, v := range g.Inputs() {
		inputs[v.Name] = v
	}
	var written []write
	for _, t := range s.State {
		if next := averages[t.Name]; next != nil {
			flag, _ := op.InPlaceAccumulator(inputs[t.Name], next, overwrite)
			written = append(written, write{t.Name, flag})
		}
	}
	return written
}

// writeDecayed takes lr·weightDecay of themselves off the parameters to which
// decay applies. The library's optimizer has one decay for all parameters, so its
// own is 0, and AdamW's order (decay, then the step) stays. It has one learning rate
// too, which BuildORTTraining sees to.
func (p *Plan) writeDecayed(d *differentiated, lr, weightDecay, norm *onnxgraph.Value) []write {
	// True of any norm, NaN included; no norm, no write.
	overwrite := op.Not(op.Less(norm, op.Scalar(norm, 0)))
	kept := op.Sub(op.Scalar(lr, 1), op.Mul(lr, weightDecay))
	var written []write
	for _, param := range d.params {
		if p.group(param).Decay != 0 {
			flag, _ := op.InPlaceAccumulator(param.Value, op.Mul(param.Value, kept), overwrite)
			written = append(written, write{param.Name + ".decay", flag})
		}
	}
	return written
}
