package builders

import (
	"pmx/onnxgraph"
	"pmx/step"
)

// lowerEval writes the evaluation model: the loss without dropping and without
// any update, batch norms with their running statistics, and the encoder's results
// for the first view. The library binds parameters by their place, so all of the
// training model's are inputs, in its order.
func (p *Plan) lowerEval(g *onnxgraph.Graph, s *step.Step) {
	d := newDraft(g, s, newRunningStatistics(g, true), lowering{frozenAverages: true, anyBatch: true}) // of the exported encoder; the loss is of one size of batch
	p.Model(d)
	d.addStatistics()
	d.outputs(d.metrics)
	if d.serve != nil && len(s.Batch) > 0 {
		first := s.Batch[0].Name
		for _, in := range g.Inputs() {
			if in.Name == first {
				for _, out := range d.serve(in) {
					g.Output(out.Name, out.Value)
				}
			}
		}
	}
	for i := range s.State {
		s.State[i].In = s.State[i].Name
	}
}
