package weights

import (
	"fmt"

	"pmx/onnxgraph"
)

// NormalisationProperty is the metadata property of weights whose patch embedding has
// taken over a change of normalisation: what its images were normalised by before.
const NormalisationProperty = "pmx.normalisation_folded"

// FoldNormalisation makes the encoder one for images that are normalised by another mean
// and standard deviation, by channel, and gives the features that it gave. With pixels
// p = x·std + mean,
//
//	Σ w (p - mean')/std' = Σ (w std/std') x + Σ w (mean - mean')/std'
//
// so the patch embedding's weights are scaled and its bias is shifted. The sums are in
// float64. It says so in the metadata.
func (e *Encoder) FoldNormalisation(mean, std [3]float32) error {
	if mean == e.Mean && std == e.Std {
		return nil
	}
	for c := range std {
		if !(std[c] > 0) || !(e.Std[c] > 0) {
			return fmt.Errorf("weights: a standard deviation of %g cannot be folded, from %g: want more than 0", std[c], e.Std[c])
		}
	}
	const weight, bias = "patch_embed.proj.weight", "patch_embed.proj.bias"
	scaled, shifted := e.Tensors[weight].Clone(), e.Tensors[bias].Clone()
	w, b := onnxgraph.Data[float32](scaled), onnxgraph.Data[float32](shifted)
	pixels := e.PatchSize * e.PatchSize
	for d := range b {
		shift := float64(b[d])
		for c := range std {
			by := float64(std[c]) / float64(e.Std[c])
			offset := (float64(mean[c]) - float64(e.Mean[c])) / float64(e.Std[c])
			for i, v := range w[(d*len(std)+c)*pixels:][:pixels] {
				shift += float64(v) * offset
				w[(d*len(std)+c)*pixels+i] = float32(float64(v) * by)
			}
		}
		b[d] = float32(shift)
	}
	if e.Metadata == nil {
		e.Metadata = map[string]string{}
	}
	e.Metadata[NormalisationProperty] = fmt.Sprintf("mean %v std %v", e.Mean, e.Std)
	e.Tensors[weight], e.Tensors[bias] = scaled, shifted
	e.Mean, e.Std = mean, std
	return nil
}
