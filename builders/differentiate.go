package builders

import (
	"maps"

	"pmx/onnxgraph"
	"pmx/onnxgraph/autodiff"
	"pmx/onnxgraph/op"
)

// differentiated is a training step up to its optimizer: forward and backward
// pass. The step file and the artifacts for ONNX Runtime Training are two ways
// to go on from here.
type differentiated struct {
	params    []*Param
	gradients []*onnxgraph.Value          // by parameter
	averages  map[string]*onnxgraph.Value // the momentum encoder and running statistics after their update, by name
	metrics   []Metric                    // the loss first, then its parts
}

// newSiamese makes the trained parameters: inputs of the graph, state of the step.
// Batch norms keep statistics where these are not nil.
func newSiamese(g *onnxgraph.Graph, s *Step, statistics *runningStatistics) (*Siamese, *Params) {
	c := s.Config
	trained := InputParams(g)
	trained.statistics = statistics
	m := &Siamese{Config: c, graph: g, encoded: map[string]*onnxgraph.Value{}, statistics: statistics}
	m.query = newEncoder(trained.Root("base_encoder"), c)
	m.predictor = NewHead(trained.Root("predictor"), c.PredLayers, c.OutDim, c.Hidden, c.OutDim)
	for _, p := range trained.List() {
		s.addState(StateTensor{Name: p.Name, Kind: KindParam, Shape: p.Shape, init: p.Init})
	}
	return m, trained
}

// differentiate adds the momentum encoder's update, the forward pass and the
// gradient of the loss by each trained parameter.
func (s *Step) differentiate(m *Siamese, trained *Params, method *Method) *differentiated {
	g := m.graph
	d := &differentiated{params: trained.List(), averages: map[string]*onnxgraph.Value{}}
	m.Temperature = s.hyper(g, HyperTemperature)
	if m.Config.MomentumEncoder {
		momentum := s.hyper(g, HyperEMAMomentum)
		m.momentum = s.momentumEncoder(g, trained, func(average, x *onnxgraph.Value) *onnxgraph.Value {
			d.averages[average.Name] = op.EMA(average, x, momentum)
			return d.averages[average.Name]
		})
	}
	if m.Config.DropPath > 0 {
		m.dropMask = m.feed("drop_path", m.Config.Depth, 2, method.QueryImages(m.Config))
	}
	d.metrics = m.loss(method)
	s.Batch = m.batch
	if m.statistics != nil {
		s.addStatistics(m.statistics)
		maps.Copy(d.averages, m.statistics.updated(g))
	}

	values := make([]*onnxgraph.Value, len(d.params))
	for i, p := range d.params {
		values[i] = p.Value
	}
	d.gradients = autodiff.Gradients(d.metrics[0].Value, values)
	for i, p := range d.params {
		if d.gradients[i] == nil {
			onnxgraph.Fail("Gradients", []*onnxgraph.Value{p.Value}, "the loss does not depend on parameter %s", p.Name)
		}
	}
	return d
}

// loss is the method's total loss and its parts.
func (m *Siamese) loss(method *Method) []Metric {
	total, parts := method.Loss(m)
	return append([]Metric{{MetricLoss, total}}, parts...)
}

// momentumEncoder makes the key branch out of inputs and state of its own. next
// gives what the branch computes with, from the average's input and the trained
// parameter.
func (s *Step) momentumEncoder(g *onnxgraph.Graph, trained *Params, next func(average, x *onnxgraph.Value) *onnxgraph.Value) *encoder {
	defer g.Scope("ema")()
	source := map[string]*Param{}
	for _, p := range trained.List() {
		source[p.Name] = p
	}
	averages := NewParams(func(p *Param) *onnxgraph.Value {
		from := source["base_encoder"+p.Name[len("momentum_encoder"):]]
		s.addState(StateTensor{Name: p.Name, Kind: KindEMA, Shape: p.Shape, copy: from.Name})
		return next(g.Input(p.Name, onnxgraph.Float32, p.Shape...), from.Value)
	})
	averages.statistics = trained.statistics
	return newEncoder(averages.Root("momentum_encoder"), s.Config)
}
