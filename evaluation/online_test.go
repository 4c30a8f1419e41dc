package evaluation

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"pmx/builders"
	"pmx/onnxgraph"
	"pmx/runtimes"
)

var onlineConfig = builders.ViTConfig{ImageSize: 8, PatchSize: 4, Dim: 12, Depth: 1, Heads: 2, MLPRatio: 2}

// colours are noisy 8x8 images, bright in one channel, the class;
// batches of 5.
func colours(seed uint64, n int) Batches {
	return func(yield func(Batch, error) bool) {
		rng := rand.New(rand.NewPCG(seed, 0))
		for n := n; n > 0; n -= 5 {
			b := Batch{Images: onnxgraph.Zeros(onnxgraph.Float32, []int{min(5, n), 3, 8, 8})}
			for i := range onnxgraph.Data[float32](b.Images) {
				if i%(3*8*8) == 0 {
					b.Labels = append(b.Labels, rng.IntN(3))
				}
				v := float32(rng.NormFloat64() / 2)
				if i/(8*8)%3 == b.Labels[len(b.Labels)-1] {
					v += 2
				}
				onnxgraph.Data[float32](b.Images)[i] = v
			}
			if !yield(b, nil) {
				return
			}
		}
	}
}

// TestOnlineKNN: on images that are easy to tell apart an untrained encoder
// classifies nearly all, with the weights of the encoder that it is asked for.
func TestOnlineKNN(t *testing.T) {
	state := map[string]*onnxgraph.Tensor{}
	for name, w := range builders.DrawEncoder(onlineConfig, 1) {
		state[builders.BaseEncoder+"."+name], state[builders.MomentumEncoder+"."+name] = w, w.Clone()
	}
	reference, err := runtimes.LookupRuntime("reference")
	if err != nil {
		t.Fatal(err)
	}
	o := OnlineKNN{Config: onlineConfig, Runtime: reference, Bank: colours(1, 62), Queries: colours(2, 33), K: 5}
	measure := func() Accuracy {
		t.Helper()
		a, err := o.Measure(t.Context(), state)
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	o.Encoder = builders.BaseEncoder
	base := measure()
	if base.K != 5 || base.Top1 < 0.9 || base.Top5 != 1 {
		t.Errorf("base encoder: %+v", base)
	}
	// The momentum encoder starts as a copy; then its patch embedding sees nothing.
	o.Encoder = builders.MomentumEncoder
	if a := measure(); a != base {
		t.Errorf("momentum encoder at the start: %+v, base encoder %+v", a, base)
	}
	weight := state["momentum_encoder.patch_embed.proj.weight"]
	if weight == nil {
		t.Fatal("no momentum_encoder.patch_embed.proj.weight")
	}
	state["momentum_encoder.patch_embed.proj.weight"] = onnxgraph.Zeros(onnxgraph.Float32, weight.Shape())
	if a := measure(); a.Top1 > 0.5 {
		t.Errorf("a blind momentum encoder: %+v", a)
	}
	o.Encoder = builders.BaseEncoder
	if a := measure(); a != base {
		t.Errorf("base encoder beside another momentum encoder: %+v, want %+v", a, base)
	}

	// 62 and 33 images in batches of 5, then all pairs of them.
	var told []string
	o.Progress = func(what string, done, total int64) { told = append(told, fmt.Sprintf("%s %d/%d", what, done, total)) }
	o.Images = 95
	measure()
	o.Progress = nil
	if n := len(told); n != 1+13+7+2 || told[0] != "kNN: features 0/95" || told[1] != "kNN: features 5/95" || told[14] != "kNN: features 67/95" ||
		told[20] != "kNN: features 95/95" || told[21] != "kNN: pairs 0/2046" || told[22] != "kNN: pairs 2046/2046" {
		t.Errorf("progress %v", told)
	}

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := o.Measure(ctx, state); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want context.Canceled", err)
	}
	if _, err := o.Measure(t.Context(), nil); err == nil || !strings.Contains(err.Error(), "weights hold no cls_token") {
		t.Errorf("no weights: error %v", err)
	}
}
