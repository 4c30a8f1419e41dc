package evaluation

import (
	"context"

	"pmx/builders"
	"pmx/training"
)

// OnlineKNN measures a model while it is trained; its Evaluate is made for
// training.EvalHook.
type OnlineKNN struct {
	Config  builders.Config // of the model
	Runtime training.Runtime
	Options training.Options
	// Encoder is builders.BaseEncoder or MomentumEncoder; "" is
	// Config.FeatureEncoder, the one that published results are of.
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

// Evaluate gives knn_top1 and knn_top5 in percent. The loop's watchers see how
// far it has come.
func (o OnlineKNN) Evaluate(ctx context.Context, l *training.Loop) (map[string]float64, error) {
	state, err := l.Session.State()
	if err != nil {
		return nil, err
	}
	o.Progress = l.Progress
	a, err := o.Measure(ctx, state)
	if err != nil {
		return nil, err
	}
	return map[string]float64{"knn_top1": 100 * a.Top1, "knn_top5": 100 * a.Top5}, nil
}

// Measure is the accuracy with the weights in a training state.
func (o OnlineKNN) Measure(ctx context.Context, state builders.State) (Accuracy, error) {
	root := o.Encoder
	if root == "" {
		root = o.Config.FeatureEncoder()
	}
	model, err := builders.Encoder(o.Config, state, builders.EncoderOptions{Momentum: root == builders.MomentumEncoder})
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
	k := o.K
	if k == 0 {
		k = 20
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
