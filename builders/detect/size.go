package detect

import "pmx/builders"

// Sizes says how much memory a step of a valid configuration takes at least: of the
// activations those of the blocks' hidden layers, of the finest map and of the pooled
// regions.
func (c Config) Sizes() builders.Sizes {
	const float = 4
	s := builders.StateSizes(func(s builders.Scope) { New(s, c) })
	batch := float64(c.Batch)
	s.Images = float * 3 * batch * float64(c.ImageSize) * float64(c.ImageSize)
	finest := float64(c.side(c.Strides[0]))
	blocks := float64(c.Tokens(c.ImageSize)) * float64(c.Depth) * float64(c.MLPRatio) * float64(c.Dim)
	regions := float64(c.RoIBatch) * float64(c.FPN) * float64(c.BoxPool*c.BoxPool*(1+c.BoxConvs))
	s.Activations = float * batch * (blocks + finest*finest*float64(c.FPN) + regions)
	return s
}
