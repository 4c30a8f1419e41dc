package tasks

import (
	"pmx/builders"
	"pmx/onnxgraph"
	"pmx/onnxgraph/op"
	"pmx/patchmix"
)

// MoCoV3 is "An Empirical Study of Training Self-Supervised Vision Transformers"
// (arXiv 2104.02057) under PatchMix's recipe without mixing: the baseline. Its
// loss is symmetric in the views, and with local crops each of them is
// contrasted with both keys as in PatchMix:
//
//	2τ [ce(q1, k2) + ce(q2, k1)] + 2τ/C Σ_c [ce(q_c, k1) + ce(q_c, k2)]
//
// with the temperature τ; the factor is the paper's (algorithm 1).
var MoCoV3 = registerContrastive("mocov3", "pre-train by contrasting two views: the baseline without mixing", "arXiv 2104.02057", contrastiveMethod{
	queries: func(c builders.SiameseConfig) int { return 2 + c.LocalCrops },
	loss: func(m *builders.Siamese) (*onnxgraph.Value, []builders.Metric) {
		view1, view2 := m.Images(patchmix.View1, m.Config.ImageSize), m.Images(patchmix.View2, m.Config.ImageSize)
		local := localCrops(m, patchmix.Local)
		source := m.Target(patchmix.TargetSource)

		q1, q2 := m.Query(view1), m.Query(view2)
		k1, k2 := m.Key(view1), m.Key(view2)
		twoTau := op.Mul(m.Temperature, op.Scalar(q1, 2))
		pair := func(a, b *onnxgraph.Value) *onnxgraph.Value { return op.Mul(op.Add(a, b), twoTau) }

		parts := []builders.Metric{{Name: "loss_source", Value: pair(m.Contrast(q1, k2, source), m.Contrast(q2, k1, source))}}
		total := parts[0].Value
		if m.Config.LocalCrops > 0 {
			var losses []*onnxgraph.Value
			for _, q := range m.LocalQueries(local) {
				losses = append(losses, pair(m.Contrast(q, k1, source), m.Contrast(q, k2, source)))
			}
			multi := builders.Mean(losses)
			parts = append(parts, builders.Metric{Name: "loss_multi_source", Value: multi})
			total = op.Add(total, multi)
		}
		return total, parts
	},
})
