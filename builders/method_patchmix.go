package builders

import (
	"pmx/onnxgraph"
	"pmx/onnxgraph/op"
)

// PatchMix contrasts mixed images with their sources, mixed with mixed, and
// sources with sources ("Inter-Instance Similarity Modeling for Contrastive
// Learning", arXiv 2306.12243). The passes are
//
//	q1 = predictor(enc(view1))   k1 = key(view1)   k2 = key(view2)
//	mq2 = predictor(enc(mixed2)) mk1 = key(mixed1)
//
// and the loss, with C local crops of each kind,
//
//	ce(q1, k2, source) + ce(mq2, k1, mix_source)/2 + ce(mq2, mk1, mix_mix)/2
//	  + 1/C Σ_c [ce(q_c, k1, source) + ce(q_c, k2, source)]
//	  + 1/C Σ_c [ce(mq_c, k1, mix_source) + ce(mq_c, k2, mix_source)]
//
// The parts are reported with their factors, so that they add up to the loss. The
// paper's words for them: original→original is loss_source, mix→original
// loss_mix_source, mix→mix loss_mix_mix.
var PatchMix = RegisterMethod(Method{
	Name:        "patchmix",
	Paper:       "arXiv 2306.12243",
	Mixes:       true,
	QueryImages: func(c Config) int { return (2 + 2*c.LocalCrops) * c.Batch },
	Loss: func(m *Siamese) (*onnxgraph.Value, []Metric) {
		view1, view2 := m.Images("view1", m.Config.ImageSize), m.Images("view2", m.Config.ImageSize)
		mixed1, mixed2 := m.Images("mixed1", m.Config.ImageSize), m.Images("mixed2", m.Config.ImageSize)
		local, localMixed := m.LocalCrops(""), m.LocalCrops("_mixed")
		source, mixSource, mixMix := m.Target("target_source"), m.Target("target_mix_source"), m.Target("target_mix_mix")

		q1, mq2 := m.Query(view1), m.Query(mixed2)
		k1, k2, mk1 := m.Key(view1), m.Key(view2), m.Key(mixed1)
		half := op.Scalar(q1, 0.5)
		parts := []Metric{
			{"loss_source", m.Contrast(q1, k2, source)},
			{"loss_mix_source", op.Mul(m.Contrast(mq2, k1, mixSource), half)},
			{"loss_mix_mix", op.Mul(m.Contrast(mq2, mk1, mixMix), half)},
		}
		total := op.Sum(parts[0].Value, parts[1].Value, parts[2].Value)

		if m.Config.LocalCrops > 0 {
			both := func(crops []*onnxgraph.Value, target *onnxgraph.Value) *onnxgraph.Value {
				var losses []*onnxgraph.Value
				for _, q := range m.LocalQueries(crops) {
					losses = append(losses, op.Add(m.Contrast(q, k1, target), m.Contrast(q, k2, target)))
				}
				return mean(losses)
			}
			multi, multiMix := both(local, source), both(localMixed, mixSource)
			parts = append(parts, Metric{"loss_multi_source", multi}, Metric{"loss_multi_mix_source", multiMix})
			total = op.Add(total, op.Add(multi, multiMix))
		}
		return total, parts
	},
})
