package patchmix

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pmx/images"
	"pmx/images/imagestest"
	"pmx/onnxgraph"
)

// small is a loader configuration with everything in it.
func small() LoaderConfig {
	c := LoaderConfig{Batch: 6, Views: multiCropViews(16, 2, 8), Mix: recipeMix(4), Seed: 11, Workers: 2}
	c.Mix.Num = []int{2, 3}
	c.Mix.Smoothing = .1
	return c
}

func load(t testing.TB, d images.Dataset, c LoaderConfig) *Loader {
	t.Helper()
	l, err := NewLoader(d, c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.Close)
	return l
}

func next(t testing.TB, l *Loader) *Batch {
	t.Helper()
	b, err := l.Next(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// fingerprint covers everything in a batch but the waiting.
func fingerprint(b *Batch) string {
	h := sha256.New()
	fmt.Fprint(h, b.Epoch, b.Step, b.Num, b.Indices, b.Labels)
	for _, name := range slices.Sorted(maps.Keys(b.Feeds)) {
		fmt.Fprint(h, name, b.Feeds[name].Shape())
		h.Write(b.Feeds[name].Bytes())
	}
	return fmt.Sprintf("epoch %d step %d: %x", b.Epoch, b.Step, h.Sum(nil)[:8])
}

func fingerprints(t testing.TB, l *Loader, n int) (list []string) {
	t.Helper()
	for range n {
		b := next(t, l)
		list = append(list, fingerprint(b))
		b.Release()
	}
	return list
}

func TestBatchesDoNotDependOnWorkers(t *testing.T) {
	for _, keep := range []bool{false, true} {
		var want []string
		for _, workers := range []int{1, 2, 5} {
			c := small()
			c.Workers, c.Prefetch, c.KeepLast = workers, workers, keep
			got := fingerprints(t, load(t, imagestest.Pictures{N: 23}, c), 10)
			if want == nil {
				want = got
			}
			if !slices.Equal(got, want) {
				t.Errorf("%d workers:\n%s\none worker:\n%s", workers, strings.Join(got, "\n"), strings.Join(want, "\n"))
			}
			if len(slices.Compact(slices.Sorted(slices.Values(got)))) != len(got) {
				t.Error("two batches are equal")
			}
		}
	}
}

func TestSeedChangesEverything(t *testing.T) {
	c := small()
	a := next(t, load(t, imagestest.Pictures{N: 23}, c))
	c.Seed++
	b := next(t, load(t, imagestest.Pictures{N: 23}, c))
	if slices.Equal(a.Indices, b.Indices) || slices.Equal(a.perms[0], b.perms[0]) {
		t.Error("another seed, the same order or permutation")
	}
	if slices.Equal(a.perms[0], a.perms[1]) {
		t.Error("both views are mixed by one permutation")
	}
}

// TestResume: a loader that is told the position of another gives the batches
// that the other gives, across the end of an epoch.
func TestResume(t *testing.T) {
	c := small()
	straight := fingerprints(t, load(t, imagestest.Pictures{N: 23}, c), 9)
	for k := range straight {
		first := load(t, imagestest.Pictures{N: 23}, c)
		got := fingerprints(t, first, k)
		text, err := json.Marshal(first.Position())
		if err != nil {
			t.Fatal(err)
		}
		var p images.Position
		if err := json.Unmarshal(text, &p); err != nil {
			t.Fatal(err)
		}
		second := load(t, imagestest.Pictures{N: 23}, c)
		if err := second.Seek(p); err != nil {
			t.Fatal(err)
		}
		got = append(got, fingerprints(t, second, len(straight)-k)...)
		if !slices.Equal(got, straight) {
			t.Errorf("resumed after %d at %s:\n%s\nstraight:\n%s", k, text, strings.Join(got, "\n"), strings.Join(straight, "\n"))
		}
	}
	// Back and forth in a running loader.
	l := load(t, imagestest.Pictures{N: 23}, c)
	fingerprints(t, l, 5)
	if err := l.Seek(images.Position{Epoch: 0, Step: l.StepsPerEpoch()}); err != nil {
		t.Fatal(err)
	}
	if got := fingerprints(t, l, 2); !slices.Equal(got, straight[3:5]) {
		t.Errorf("after going back %v, want %v", got, straight[3:5])
	}
	for _, p := range []images.Position{{Epoch: -1}, {Step: -1}, {Step: 4}} {
		if err := l.Seek(p); err == nil {
			t.Errorf("position %+v is accepted", p)
		}
	}
}

func TestEpochs(t *testing.T) {
	c := small()
	c.Mix = nil
	for keep, want := range map[bool]int{false: 3, true: 4} {
		c.KeepLast = keep
		l := load(t, imagestest.Pictures{N: 23}, c)
		if l.StepsPerEpoch() != want {
			t.Fatalf("keep=%t: %d steps, want %d", keep, l.StepsPerEpoch(), want)
		}
		var orders [2][]int
		for epoch := range orders {
			for step := range want {
				if p := (images.Position{Epoch: epoch, Step: step}); l.Position() != p {
					t.Errorf("position %+v, want %+v", l.Position(), p)
				}
				b := next(t, l)
				if b.Epoch != epoch || b.Step != step || !slices.Equal(b.Labels, b.Indices) {
					t.Errorf("batch %d/%d at %d/%d, labels %v, indices %v", b.Epoch, b.Step, epoch, step, b.Labels, b.Indices)
				}
				if shape := b.Feeds["view1"].Shape(); shape[0] != len(b.Indices) {
					t.Errorf("%d images in a tensor %v", len(b.Indices), shape)
				}
				orders[epoch] = append(orders[epoch], b.Indices...)
				b.Release()
			}
			seen := slices.Compact(slices.Sorted(slices.Values(orders[epoch])))
			if len(seen) != len(orders[epoch]) || keep && len(seen) != 23 {
				t.Errorf("keep=%t: epoch of %v", keep, orders[epoch])
			}
		}
		if slices.Equal(orders[0], orders[1]) {
			t.Error("two epochs in the same order")
		}
	}
}

func TestFeeds(t *testing.T) {
	c := small()
	l := load(t, imagestest.Pictures{N: 23}, c)
	b := next(t, l)
	want := map[string]string{
		"view1": "[6 3 16 16]", "view2": "[6 3 16 16]", "mixed1": "[6 3 16 16]", "mixed2": "[6 3 16 16]",
		"local0": "[6 3 8 8]", "local1": "[6 3 8 8]", "local0_mixed": "[6 3 8 8]", "local1_mixed": "[6 3 8 8]",
		"target_source": "[6 6]", "target_mix_source": "[6 6]", "target_mix_mix": "[6 6]",
	}
	for name, tensor := range b.Feeds {
		if tensor.DType() != onnxgraph.Float32 || fmt.Sprint(tensor.Shape()) != want[name] {
			t.Errorf("feed %s is %v, want float32 %s", name, tensor, want[name])
		}
	}
	if len(b.Feeds) != len(want) {
		t.Errorf("%d feeds, want %d", len(b.Feeds), len(want))
	}
	// The mixed views are the views, mixed by permutations of their own.
	for i, side := range []int{16, 16, 8, 8} {
		src := onnxgraph.Data[float32](b.Feeds[viewName(i)])
		mixed := make([]float32, len(src))
		if err := (Mixer{4, b.Num}).Mix(mixed, src, 6, 3, side, side, b.perms[i]); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(mixed, onnxgraph.Data[float32](b.Feeds[mixedName(i)])) {
			t.Errorf("%s is not %s mixed", mixedName(i), viewName(i))
		}
	}
	// Every number of images is drawn, and the targets are for that number.
	drawn := map[int]bool{}
	for range 20 {
		b := next(t, l)
		drawn[b.Num] = true
		target, err := MixToMix(6, b.Num, c.Mix.Smoothing)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(target.Bytes(), b.Feeds["target_mix_mix"].Bytes()) {
			t.Errorf("mixes of %d with other targets", b.Num)
		}
		b.Release()
	}
	if !drawn[2] || !drawn[3] || len(drawn) != 2 {
		t.Errorf("mixes of %v", drawn)
	}
	// Without mixing, as MoCo v3 trains.
	c.Mix = nil
	plain := next(t, load(t, imagestest.Pictures{N: 23}, c))
	if got := slices.Sorted(maps.Keys(plain.Feeds)); !slices.Equal(got, []string{"local0", "local1", "view1", "view2"}) {
		t.Errorf("without mixing the feeds are %v", got)
	}
	first := next(t, load(t, imagestest.Pictures{N: 23}, small()))
	for name, tensor := range plain.Feeds {
		if !bytes.Equal(tensor.Bytes(), first.Feeds[name].Bytes()) {
			t.Errorf("%s depends on whether images are mixed", name)
		}
	}
}

// TestViewsDoNotDependOnEachOther: another number of local crops leaves the
// views as they are.
func TestViewsDoNotDependOnEachOther(t *testing.T) {
	c := small()
	a := next(t, load(t, imagestest.Pictures{N: 23}, c))
	c.Views.LocalCrops = 0
	b := next(t, load(t, imagestest.Pictures{N: 23}, c))
	if !bytes.Equal(a.Feeds["mixed2"].Bytes(), b.Feeds["mixed2"].Bytes()) {
		t.Error("mixed2 depends on the number of local crops")
	}
}

func TestMemoryIsRecycled(t *testing.T) {
	l := load(t, imagestest.Pictures{N: 60}, small())
	var seen sync.Map
	count := func(b *Batch) {
		seen.Store(&b.views[0][0], true)
	}
	for range 40 {
		b := next(t, l)
		count(b)
		b.Release()
		b.Release() // twice is once
	}
	n := 0
	seen.Range(func(any, any) bool { n++; return true })
	if limit := l.Config().Prefetch + 2; n > limit {
		t.Errorf("40 batches took the memory of %d, want at most %d", n, limit)
	}
	// A batch that is kept is not written to.
	kept := next(t, l)
	before := fingerprint(kept)
	fingerprints(t, l, 20)
	if fingerprint(kept) != before {
		t.Error("a batch that was not released has changed")
	}
}

func TestPrefetchIsBounded(t *testing.T) {
	var made atomic.Int64
	c := small()
	c.Prefetch = 3
	l := load(t, imagestest.Pictures{N: 600, Hook: func(int) { made.Add(1) }}, c)
	next(t, l).Release()
	deadline := time.Now().Add(5 * time.Second)
	for made.Load() < int64(4*c.Batch) && time.Now().Before(deadline) {
		time.Sleep(time.Millisecond)
	}
	time.Sleep(20 * time.Millisecond)
	if got := made.Load(); got != int64(4*c.Batch) {
		t.Errorf("%d images were read for one batch taken and three ahead, want %d", got, 4*c.Batch)
	}
}

func TestOneBadImage(t *testing.T) {
	before := runtime.NumGoroutine()
	for _, workers := range []int{1, 4} {
		c := small()
		c.Workers = workers
		l := load(t, imagestest.Pictures{N: 60, Torn: []int{17}}, c)
		var err error
		good := 0
		for ; err == nil && good < 10; good++ {
			var b *Batch
			if b, err = l.Next(context.Background()); err == nil && slices.Contains(b.Indices, 17) {
				t.Error("a batch with the torn picture")
			}
		}
		if err == nil || err.Error() != "images: picture 17 is torn" {
			t.Errorf("error %v", err)
		}
		at := l.Position()
		if _, again := l.Next(context.Background()); again == nil || again.Error() != err.Error() || l.Position() != at {
			t.Errorf("the batch is passed over: %v, position %+v", again, l.Position())
		}
		l.Close()
	}
	imagestest.Settle(t, before)
}

func TestCancel(t *testing.T) {
	before := runtime.NumGoroutine()
	hold := make(chan struct{})
	l := load(t, imagestest.Pictures{N: 60, Hook: func(int) { <-hold }}, small())
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	if _, err := l.Next(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("error %v, want that time is up", err)
	}
	if _, err := l.Next(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("error %v, want that time is up", err)
	}
	close(hold)
	// The batch that was waited for is not lost.
	other := load(t, imagestest.Pictures{N: 60}, small())
	want := fingerprints(t, other, 1)
	other.Close()
	if got := fingerprints(t, l, 1); !slices.Equal(got, want) {
		t.Errorf("after the interruption %v, want %v", got, want)
	}
	l.Close()
	if _, err := l.Next(context.Background()); err == nil {
		t.Error("a closed loader gives a batch")
	}
	l.Close()
	if err := l.Seek(images.Position{}); err != nil {
		t.Error(err)
	}
	imagestest.Settle(t, before)
}

func TestAll(t *testing.T) {
	ctx, cancel := context.WithCancelCause(context.Background())
	defer cancel(nil)
	stop := errors.New("enough")
	l := load(t, imagestest.Pictures{N: 60}, small())
	n := 0
	for b, err := range l.All(ctx) {
		if err != nil {
			if !errors.Is(err, stop) || n != 4 {
				t.Errorf("error %v after %d batches", err, n)
			}
			return
		}
		if b.Step != n {
			t.Errorf("step %d, want %d", b.Step, n)
		}
		if n++; n == 4 {
			cancel(stop)
		}
	}
	t.Error("the loop ended without the reason")
}

// TestHammer starts, seeks and closes loaders from several goroutines, for the
// race detector.
func TestHammer(t *testing.T) {
	before := runtime.NumGoroutine()
	data := open(t, "sample", images.Train)
	var group sync.WaitGroup
	for g := range 4 {
		group.Go(func() {
			rng := rand.New(rand.NewPCG(uint64(g), 9))
			c := small()
			c.Workers, c.Prefetch, c.Seed = 1+g, 1+g%3, uint64(g)
			l, err := NewLoader(data, c)
			if err != nil {
				t.Error(err)
				return
			}
			defer l.Close()
			for range 25 {
				switch rng.IntN(6) {
				case 0:
					if err := l.Seek(images.Position{Epoch: rng.IntN(3), Step: rng.IntN(l.StepsPerEpoch())}); err != nil {
						t.Error(err)
					}
				case 1:
					ctx, cancel := context.WithTimeout(context.Background(), time.Microsecond)
					if b, err := l.Next(ctx); err == nil {
						b.Release()
					}
					cancel()
				default:
					at := l.Position()
					b, err := l.Next(context.Background())
					if err != nil {
						t.Error(err)
						return
					}
					if b.Epoch != at.Epoch || b.Step != at.Step {
						t.Errorf("batch %d/%d at %+v", b.Epoch, b.Step, at)
					}
					if rng.IntN(3) > 0 {
						b.Release()
					}
				}
			}
		})
	}
	group.Wait()
	imagestest.Settle(t, before)
}

func TestLoaderErrors(t *testing.T) {
	for want, change := range map[string]func(c *LoaderConfig){
		"batches of 0 images":                  func(c *LoaderConfig) { c.Batch = 0 },
		"23 images, too few for a batch of 24": func(c *LoaderConfig) { c.Batch = 24 },
		"-1 workers":                           func(c *LoaderConfig) { c.Workers = -1 },
		"without a number of images":           func(c *LoaderConfig) { c.Mix.Num = nil },
		"at least 2*4-1 = 7":                   func(c *LoaderConfig) { c.Mix.Num = []int{2, 4} },
		"in batches of 5, take batches":        func(c *LoaderConfig) { c.Batch, c.KeepLast, c.Mix.Num = 9, true, []int{4} },
		"mixing 5 images of 4 patches":         func(c *LoaderConfig) { c.Batch, c.Mix.Num = 10, []int{5} },
		"multiples of the patch":               func(c *LoaderConfig) { c.Mix.Patch = 5 },
		"target smoothing 2":                   func(c *LoaderConfig) { c.Mix.Smoothing = 2 },
		"view1 of 16 pixels and view2":         func(c *LoaderConfig) { c.Views.View2.Crop.Size = 20 },
		"probability of jitter is 2":           func(c *LoaderConfig) { c.Views.View1.Jitter.P = 2 },
		"local: crops of 0 pixels":             func(c *LoaderConfig) { c.Views.Local.Crop.Size = 0 },
		"view2: crop scale [0.5 0.1]":          func(c *LoaderConfig) { c.Views.View2.Crop.Scale = [2]float64{.5, .1} },
		"crop ratio [0 1]":                     func(c *LoaderConfig) { c.Views.View1.Crop.Ratio = [2]float64{0, 1} },
		"hue jitter 0.6":                       func(c *LoaderConfig) { c.Views.View1.Jitter.Hue = .6 },
		"jitter strengths -1":                  func(c *LoaderConfig) { c.Views.View1.Jitter.Brightness = -1 },
		"blur sigma [2 1]":                     func(c *LoaderConfig) { c.Views.View1.Blur.Sigma = [2]float64{2, 1} },
		"solarize threshold 300":               func(c *LoaderConfig) { c.Views.View1.Solarize.Threshold = 300 },
		"-1 local crops":                       func(c *LoaderConfig) { c.Views.LocalCrops = -1 },
		"every std must be above 0":            func(c *LoaderConfig) { c.Views.Std[1] = 0 },
	} {
		c := small()
		change(&c)
		if _, err := NewLoader(imagestest.Pictures{N: 23}, c); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q", err, want)
		}
	}
}

// TestConfigJSON: a configuration survives its way through a file.
func TestConfigJSON(t *testing.T) {
	for _, views := range []ViewsConfig{recipeViews(32, .1), multiCropViews(224, 8, 96), greyViews(28)} {
		c := LoaderConfig{Batch: 8, Views: views, Mix: recipeMix(4), Seed: 1 << 60, KeepLast: true}
		text, err := json.Marshal(c)
		if err != nil {
			t.Fatal(err)
		}
		var back LoaderConfig
		if err := json.Unmarshal(text, &back); err != nil {
			t.Fatal(err)
		}
		if again, _ := json.Marshal(back); !bytes.Equal(again, text) || back.Views != views {
			t.Errorf("%s\ncomes back as\n%s", text, again)
		}
		if err := views.check(); err != nil {
			t.Error(err)
		}
	}
}
