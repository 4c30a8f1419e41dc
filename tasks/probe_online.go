package tasks

import (
	"context"

	"pmx/builders"
	"pmx/onnxgraph"
)

// ProbeKey is the accuracy of a linear probe while an encoder is trained, in percent.
const ProbeKey = "probe_top1"

// onlineProbeEpochs is how long the heads of an online probe are trained.
const onlineProbeEpochs = 20

// onlineProbe is a short linear probe of an encoder in training: heads on the class token
// that is computed once, one for each learning rate of the preset linear, the best of them
// on a tenth of the training images.
func onlineProbe(ctx context.Context, of *Contrastive, encoder map[string]*onnxgraph.Tensor, o ProbeOptions) (map[string]float64, error) {
	r := cachedSweep()
	r.ViTConfig, r.Seed, r.Epochs = of.ViTConfig, of.Seed, onlineProbeEpochs
	r.Blocks, r.Pool = builders.IntSet{1}, builders.ProbeToken
	o.Encoder = encoder
	result, err := MeasureProbe(ctx, &r, o)
	if err != nil {
		return nil, err
	}
	return map[string]float64{ProbeKey: result.Last.Top1}, nil
}
