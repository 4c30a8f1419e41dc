package evaluation

import (
	"context"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"pmx/builders"
	"pmx/onnxgraph"
	"pmx/runtimes"
)

// sums is an encoder whose class token is (sum of the pixels, 3·their number).
type sums struct{ failure error }

var _ runtimes.Inference = sums{}

func (s sums) Run(feeds map[string]*onnxgraph.Tensor) (map[string]*onnxgraph.Tensor, error) {
	if s.failure != nil {
		return nil, s.failure
	}
	x := feeds[builders.EncoderInput]
	n := x.Shape()[0]
	size := x.Size() / n
	out := make([]float32, 2*n)
	for i, v := range onnxgraph.Data[float32](x) {
		out[2*(i/size)] += v
		out[2*(i/size)+1] += 3
	}
	return map[string]*onnxgraph.Tensor{builders.EncoderClass: onnxgraph.NewTensor([]int{n, 2}, out)}, nil
}

func (sums) Close() error { return nil }

// fourImages yields four images of 1x1x2 pixels in batches of 3 and 1, both in
// the same memory.
func fourImages(yield func(Batch, error) bool) {
	memory := []float32{4, 4, 0, 0, 1, -1}
	if !yield(Batch{onnxgraph.NewTensor([]int{3, 1, 1, 2}, memory), []int{7, 0, 7}}, nil) {
		return
	}
	copy(memory, []float32{-3, -5})
	yield(Batch{onnxgraph.NewTensor([]int{1, 1, 1, 2}, memory[:2]), []int{2}}, nil)
}

func TestExtract(t *testing.T) {
	var progress []int
	f, err := Extract(t.Context(), sums{}, fourImages, func(done int) { progress = append(progress, done) })
	if err != nil {
		t.Fatal(err)
	}
	// (8, 6), (0, 6), (0, 6), (-8, 6), each over its length.
	if want := []float32{.8, .6, 0, 1, 0, 1, -.8, .6}; !slices.Equal(f.Data, want) || f.Dim != 2 {
		t.Errorf("features %v, want %v", f.Data, want)
	}
	if want := []int{7, 0, 7, 2}; !slices.Equal(f.Labels, want) {
		t.Errorf("labels %v, want %v", f.Labels, want)
	}
	if !slices.Equal(progress, []int{3, 4}) {
		t.Errorf("progress %v", progress)
	}
}

func TestRawPixels(t *testing.T) {
	f, err := RawPixels(t.Context(), fourImages, nil)
	if err != nil {
		t.Fatal(err)
	}
	half, root34 := float32(math.Sqrt(0.5)), math.Sqrt(34)
	want := []float32{half, half, 0, 0, half, -half, float32(-3 / root34), float32(-5 / root34)}
	for i, v := range f.Data {
		if !(math.Abs(float64(v-want[i])) <= 1e-7) {
			t.Errorf("features %v, want %v", f.Data, want)
			break
		}
	}
	if f.Len() != 4 || f.Dim != 2 {
		t.Errorf("%d features of %d", f.Len(), f.Dim)
	}
}

func TestExtractErrors(t *testing.T) {
	image := func(labels []int, values ...float32) Batch {
		return Batch{onnxgraph.NewTensor([]int{1, 1, 1, len(values)}, values), labels}
	}
	list := func(batches ...Batch) Batches {
		return func(yield func(Batch, error) bool) {
			for _, b := range batches {
				if !yield(b, nil) {
					return
				}
			}
		}
	}
	unreadable := errors.New("a.jpg: unreadable")
	infinite := float32(math.Inf(1))
	for _, c := range []struct {
		name    string
		encoder runtimes.Inference
		batches Batches
		want    string
	}{
		{"no images", sums{}, list(), "no images"},
		{"unreadable", sums{}, func(yield func(Batch, error) bool) { yield(Batch{}, unreadable) }, "a.jpg: unreadable"},
		{"failing encoder", sums{errors.New("no memory")}, fourImages, "no memory"},
		{"not an encoder", other{}, fourImages, "no output cls"},
		{"two labels", sums{}, list(image([]int{1, 2}, 1, 1)), "a batch of 1 images has 2 labels"},
		{"no label", sums{}, list(image([]int{0}, 1), image([]int{-1}, 1)), "image 1 has no label"},
		{"not finite", sums{}, list(image([]int{0}, infinite)), "image 0 is not finite"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if _, err := Extract(t.Context(), c.encoder, c.batches, nil); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want %q in it", err, c.want)
			}
		})
	}
	if _, err := RawPixels(t.Context(), list(image([]int{0}, 1), image([]int{0}, 1, 2)), nil); err == nil || !strings.Contains(err.Error(), "one size") {
		t.Errorf("images of two sizes: error %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	_, err := Extract(ctx, sums{}, fourImages, func(int) { cancel() })
	if !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want context.Canceled", err)
	}
}

type other struct{ sums }

func (other) Run(map[string]*onnxgraph.Tensor) (map[string]*onnxgraph.Tensor, error) {
	return map[string]*onnxgraph.Tensor{"logits": onnxgraph.Zeros(onnxgraph.Float32, []int{3, 10})}, nil
}

// TestNormalizeSmall: numbers whose squares float32 cannot hold.
func TestNormalizeSmall(t *testing.T) {
	v := []float32{3e-30, 4e-30}
	if !normalize(v) || math.Abs(float64(v[0])-.6) > 1e-7 || math.Abs(float64(v[1])-.8) > 1e-7 {
		t.Errorf("got %v", v)
	}
}
