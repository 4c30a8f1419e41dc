package builders

import (
	"pmx/onnxgraph"
	"pmx/onnxgraph/op"
)

// lowerEval writes the evaluation model: the loss without dropping and without
// any update, batch norms with their running statistics, and the encoder's results
// for the first view. The library binds parameters by their place, so all of the
// training model's are inputs, in its order.
func lowerEval(s *Step, g *onnxgraph.Graph, method *Method) {
	m, trained := newSiamese(g, s, newRunningStatistics(g, true))
	m.Temperature = s.hyper(g, HyperTemperature)
	if m.Config.MomentumEncoder {
		m.momentum = s.momentumEncoder(g, trained, func(average, _ *onnxgraph.Value) *onnxgraph.Value { return average })
	}
	images := len(g.Inputs())
	m.anyBatch = true // of the exported encoder; the loss is of Config.Batch images
	metrics := m.loss(method)
	s.Batch = m.batch
	s.addStatistics(m.statistics)
	s.outputs(g, metrics)

	features := m.query
	if s.Config.FeatureEncoder() == MomentumEncoder {
		features = m.momentum
	}
	tokens := features.vit.Forward(g.Inputs()[images], DropPath{})
	g.Output(EncoderClass, op.Gather(tokens, g.Const(onnxgraph.ScalarTensor(int64(0))), 1))
	g.Output(EncoderTokens, tokens)
	for i := range s.State {
		s.State[i].In = s.State[i].Name
	}
}
