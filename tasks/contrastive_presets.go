package tasks

// The published sizes: width, depth, heads. S has 12 heads, not the usual 6.
func tiny(r Contrastive) Contrastive  { r.Dim, r.Depth, r.Heads = 192, 12, 3; return r }
func small(r Contrastive) Contrastive { r.Dim, r.Depth, r.Heads = 384, 12, 12; return r }
func base(r Contrastive) Contrastive  { r.Dim, r.Depth, r.Heads = 768, 12, 12; return r }

// publishedViews are those of all published recipes, except for the scale of crops.
var publishedViews = Views{
	CropScaleMin: 0.35, CropScaleMax: 1, LocalScaleMin: 0.05, LocalScaleMax: 0.35,
	Brightness: 0.4, Contrast: 0.4, Saturation: 0.2, Hue: 0.1, JitterProb: 0.8, GrayscaleProb: 0.2,
	BlurProb1: 1, BlurProb2: 0.1, BlurProbLocal: 0.5, BlurSigmaMin: 0.1, BlurSigmaMax: 2,
	SolarizeProb: 0.2, FlipProb: 0.5,
}
