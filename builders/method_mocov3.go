package builders

import (
	"pmx/onnxgraph"
	"pmx/onnxgraph/op"
)

// MoCoV3 is "An Empirical Study of Training Self-Supervised Vision Transformers"
// (arXiv 2104.02057) under PatchMix's recipe without mixing: the baseline. Its
// loss is symmetric in the views, and with local crops each of them is
// contrasted with both keys as in PatchMix:
//
//	2τ [ce(q1, k2) + ce(q2, k1)] + 2τ/C Σ_c [ce(q_c, k1) + ce(q_c, k2)]
//
// with the temperature τ; the factor is the paper's (algorithm 1).
var MoCoV3 = RegisterMethod(Method{
	Name:        "mocov3",
	Paper:       "arXiv 2104.02057",
	QueryImages: func(c Config) int { return (2 + c.LocalCrops) * c.Batch },
	Loss: func(m *Siamese) (*onnxgraph.Value, []Metric) {
		view1, view2 := m.Images("view1", m.Config.ImageSize), m.Images("view2", m.Config.ImageSize)
		local := m.LocalCrops("")
		source := m.Target("target_source")

		q1, q2 := m.Query(view1), m.Query(view2)
		k1, k2 := m.Key(view1), m.Key(view2)
		twoTau := op.Mul(m.Temperature, op.Scalar(q1, 2))
		pair := func(a, b *onnxgraph.Value) *onnxgraph.Value { return op.Mul(op.Add(a, b), twoTau) }

		parts := []Metric{{"loss_source", pair(m.Contrast(q1, k2, source), m.Contrast(q2, k1, source))}}
		total := parts[0].Value
		if m.Config.LocalCrops > 0 {
			var losses []*onnxgraph.Value
			for _, q := range m.LocalQueries(local) {
				losses = append(losses, pair(m.Contrast(q, k1, source), m.Contrast(q, k2, source)))
			}
			multi := mean(losses)
			parts = append(parts, Metric{"loss_multi_source", multi})
			total = op.Add(total, multi)
		}
		return total, parts
	},
})
