package tasks

import (
	"pmx/builders"
	"pmx/onnxgraph"
	"pmx/onnxgraph/op"
	"pmx/patchmix"
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
var PatchMix = registerContrastive("patchmix", "pre-train by contrasting mixed images with their sources", "arXiv 2306.12243", contrastiveMethod{
	mixes:   true,
	queries: func(c builders.SiameseConfig) int { return 2 + 2*c.LocalCrops },
	loss: func(m *builders.Siamese) (*onnxgraph.Value, []builders.Metric) {
		view1, view2 := m.Images(patchmix.View1, m.Config.ImageSize), m.Images(patchmix.View2, m.Config.ImageSize)
		mixed1, mixed2 := m.Images(patchmix.Mixed1, m.Config.ImageSize), m.Images(patchmix.Mixed2, m.Config.ImageSize)
		local, localMixed := localCrops(m, patchmix.Local), localCrops(m, patchmix.LocalMixed)
		source, mixSource, mixMix := m.Target(patchmix.TargetSource), m.Target(patchmix.TargetMixSource), m.Target(patchmix.TargetMixMix)

		q1, mq2 := m.Query(view1), m.Query(mixed2)
		k1, k2, mk1 := m.Key(view1), m.Key(view2), m.Key(mixed1)
		half := op.Scalar(q1, 0.5)
		parts := []builders.Metric{
			{Name: "loss_source", Value: m.Contrast(q1, k2, source)},
			{Name: "loss_mix_source", Value: op.Mul(m.Contrast(mq2, k1, mixSource), half)},
			{Name: "loss_mix_mix", Value: op.Mul(m.Contrast(mq2, mk1, mixMix), half)},
		}
		total := op.Sum(parts[0].Value, parts[1].Value, parts[2].Value)

		if m.Config.LocalCrops > 0 {
			both := func(crops []*onnxgraph.Value, target *onnxgraph.Value) *onnxgraph.Value {
				var losses []*onnxgraph.Value
				for _, q := range m.LocalQueries(crops) {
					losses = append(losses, op.Add(m.Contrast(q, k1, target), m.Contrast(q, k2, target)))
				}
				return builders.Mean(losses)
			}
			multi, multiMix := both(local, source), both(localMixed, mixSource)
			parts = append(parts, builders.Metric{Name: "loss_multi_source", Value: multi}, builders.Metric{Name: "loss_multi_mix_source", Value: multiMix})
			total = op.Add(total, op.Add(multi, multiMix))
		}
		return total, parts
	},
})

// localCrops declares the feeds of local crops of one kind.
func localCrops(m *builders.Siamese, name func(i int) string) []*onnxgraph.Value {
	var crops []*onnxgraph.Value
	for i := range m.Config.LocalCrops {
		crops = append(crops, m.Images(name(i), m.Config.LocalSize))
	}
	return crops
}
