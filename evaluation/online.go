package evaluation

import (
	"context"

	"pmx/runtimes"
	"pmx/step"

	"pmx/builders"
)

// OnlineKNN measures an encoder while it is trained.
type OnlineKNN struct {
	Config  builders.ViTConfig // of the encoder
	Runtime runtimes.Runtime
	Options runtimes.Options
	// Encoder is the root of its weights in the state: builders.BaseEncoder or
	// MomentumEncoder, as builders.FeatureEncoder chooses.
	Encoder string
	// Bank and Queries are ranged over at each evaluation.
	Bank, Queries Batches
	// Images is how many there are in both, for Progress.
	Images int
	// Progress, unless nil, is told of Measure how many images have features, then
	// how many pairs of images are compared.
	Progress func(what string, done, total int64)
	// K is the number of neighbours; 0 is 20.
	K int
}

// Measure is the accuracy with the weights in a training state.
func (o OnlineKNN) Measure(ctx context.Context, state step.State) (Accuracy, error) {
	model, err := builders.Encoder(o.Config, builders.Under(o.Encoder, state), builders.EncoderOptions{})
	if err != nil {
		return Accuracy{}, err
	}
	encoder, err := o.Runtime.NewInference(model, o.Options)
	if err != nil {
		return Accuracy{}, err
	}
	defer encoder.Close()
	progress := o.Progress
	if progress == nil {
		progress = func(string, int64, int64) {}
	}
	before := 0
	extracted := func(done int) { progress("kNN: features", int64(before+done), int64(o.Images)) }
	extracted(0)
	bank, err := Extract(ctx, encoder, o.Bank, extracted)
	if err != nil {
		return Accuracy{}, err
	}
	before = bank.Len()
	queries, err := Extract(ctx, encoder, o.Queries, extracted)
	if err != nil {
		return Accuracy{}, err
	}
	return o.classify(ctx, bank, queries)
}

// RawPixels is the accuracy of the images themselves: the baseline of any encoder.
func (o OnlineKNN) RawPixels(ctx context.Context) (Accuracy, error) {
	bank, err := RawPixels(ctx, o.Bank, nil)
	if err != nil {
		return Accuracy{}, err
	}
	queries, err := RawPixels(ctx, o.Queries, nil)
	if err != nil {
		return Accuracy{}, err
	}
	return o.classify(ctx, bank, queries)
}

func (o OnlineKNN) classify(ctx context.Context, bank, queries *Features) (Accuracy, error) {
	k := o.K
	if k == 0 {
		k = 20
	}
	progress := o.Progress
	if progress == nil {
		progress = func(string, int64, int64) {}
	}
	product, err := NewRuntimeProduct(o.Runtime, o.Options)
	if err != nil {
		return Accuracy{}, err
	}
	defer product.Close()
	compared := func(done, total int64) { progress("kNN: pairs", done, total) }
	compared(0, int64(bank.Len())*int64(queries.Len()))
	all, err := KNN{K: []int{k}, Product: product, Progress: compared}.Evaluate(ctx, bank, queries)
	if err != nil {
		return Accuracy{}, err
	}
	return all[0], nil
}
