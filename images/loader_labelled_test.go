package images_test

import (
	"context"
	"crypto/sha256"
	"fmt"
	"math"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"pmx/images"
	"pmx/images/imagestest"
	"pmx/onnxgraph"
)

const pictureClasses = 5

func labelled(n int) imagestest.Pictures { return imagestest.Pictures{N: n, Mod: pictureClasses} }

// finetuning is a configuration with everything in it.
func finetuning() images.LabelledConfig {
	augment, err := images.ParseRandAugment("rand-m9-mstd0.5-inc1")
	if err != nil {
		panic(err)
	}
	augment.Fill = images.MeanColor(images.ImageNetMean)
	return images.LabelledConfig{
		LoaderConfig: images.LoaderConfig{Batch: 6, Seed: 11, Workers: 2},
		Classes:      pictureClasses,
		Size:         16,
		Transforms:   images.FinetuneTransforms(16, augment),
		Mean:         images.ImageNetMean, Std: images.ImageNetStd,
		Erasing:   images.RandomErasing{P: .5, Mode: images.ErasePixel, Count: 2},
		Mixup:     &images.Mixup{MixupAlpha: .8, CutmixAlpha: 1, Prob: 1, SwitchProb: .5, Mode: images.MixBatch},
		Smoothing: .1,
	}
}

// probing is a configuration in which nothing is random but the order.
func probing() images.LabelledConfig {
	c := finetuning()
	c.Transforms = []images.Transform{images.EvalTransform{Size: 16, Resize: 18}}
	c.Erasing, c.Mixup, c.Smoothing = images.RandomErasing{}, nil, 0
	return c
}

func load(t testing.TB, d images.Dataset, c images.LabelledConfig) *images.LabelledLoader {
	t.Helper()
	l, err := images.NewLabelledLoader(d, c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.Close)
	return l
}

func next(t testing.TB, l *images.LabelledLoader) *images.LabelledBatch {
	t.Helper()
	b, err := l.Next(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// fingerprints covers all that is in the next n batches.
func fingerprints(t testing.TB, l *images.LabelledLoader, n int) (list []string) {
	t.Helper()
	for range n {
		b := next(t, l)
		h := sha256.New()
		fmt.Fprint(h, b.Indices, b.Labels, b.Mixes, b.Feeds["image"].Shape(), b.Feeds["target"].Shape())
		h.Write(b.Feeds["image"].Bytes())
		h.Write(b.Feeds["target"].Bytes())
		list = append(list, fmt.Sprintf("epoch %d step %d: %x", b.Epoch, b.Step, h.Sum(nil)[:8]))
		b.Release()
	}
	return list
}

func pixels(b *images.LabelledBatch) []float32 { return onnxgraph.Data[float32](b.Feeds["image"]) }

func targets(b *images.LabelledBatch) []float32 { return onnxgraph.Data[float32](b.Feeds["target"]) }

// TestLabelledBatchesFollowFromTheirPosition: neither the number of workers nor a
// resume at any step changes a byte; the seed changes all.
func TestLabelledBatchesFollowFromTheirPosition(t *testing.T) {
	c := finetuning()
	straight := fingerprints(t, load(t, labelled(27), c), 9)
	if len(slices.Compact(slices.Sorted(slices.Values(straight)))) != 9 {
		t.Error("two batches are equal")
	}
	for _, workers := range []int{1, 3} {
		c.Workers, c.Prefetch = workers, workers
		if got := fingerprints(t, load(t, labelled(27), c), 9); !slices.Equal(got, straight) {
			t.Errorf("%d workers:\n%s\ntwo:\n%s", workers, strings.Join(got, "\n"), strings.Join(straight, "\n"))
		}
	}
	for k := range straight {
		l := load(t, labelled(27), c)
		if err := l.Seek(images.Position{Epoch: k / 4, Step: k % 4}); err != nil {
			t.Fatal(err)
		}
		if got := fingerprints(t, l, len(straight)-k); !slices.Equal(got, straight[k:]) {
			t.Errorf("resumed at step %d:\n%s\nstraight:\n%s", k, strings.Join(got, "\n"), strings.Join(straight[k:], "\n"))
		}
	}
	c.Seed++
	for i, f := range fingerprints(t, load(t, labelled(27), c), 9) {
		if f == straight[i] {
			t.Errorf("batch %d is the same with another seed", i)
		}
	}
}

// TestLabelledBatchesUnmixed: without random transforms, the images are those of the
// evaluation and the targets one-hot.
func TestLabelledBatchesUnmixed(t *testing.T) {
	data, c := labelled(27), probing()
	c.KeepLast = true
	want := map[int][]float32{}
	for b, err := range images.EvalBatches(context.Background(), data, images.EvalConfig{
		Transform: images.EvalTransform{Size: 16, Resize: 18}, Mean: c.Mean, Std: c.Std, Batch: 27,
	}) {
		if err != nil {
			t.Fatal(err)
		}
		for i := range b.Labels {
			want[i] = slices.Clone(onnxgraph.Data[float32](b.Images)[i*3*256:][:3*256])
		}
	}
	l := load(t, data, c)
	seen := map[int]bool{}
	for range l.StepsPerEpoch() {
		b := next(t, l)
		if n := len(b.Indices); fmt.Sprint(b.Feeds["image"], b.Feeds["target"]) != fmt.Sprintf("float[%d 3 16 16] float[%[1]d 5]", n) || len(b.Feeds) != 2 {
			t.Errorf("feeds %v for %d images", b.Feeds, n)
		}
		for i, index := range b.Indices {
			seen[index] = true
			if !slices.Equal(pixels(b)[i*3*256:][:3*256], want[index]) {
				t.Errorf("image %d is not that of the evaluation", index)
			}
			row := make([]float32, pictureClasses)
			row[index%pictureClasses] = 1
			if got := targets(b)[i*pictureClasses:][:pictureClasses]; !slices.Equal(got, row) || b.Labels[i] != index%pictureClasses {
				t.Errorf("image %d has target %v", index, got)
			}
		}
		b.Release()
	}
	if len(seen) != 27 || l.StepsPerEpoch() != 5 {
		t.Errorf("%d images in %d steps, want 27 in 5", len(seen), l.StepsPerEpoch())
	}
}

// TestLabelledBatchesAreMixedLast: erasing leaves the crops and colours as they are,
// and mixing combines erased images.
func TestLabelledBatchesAreMixedLast(t *testing.T) {
	c := finetuning()
	c.Mixup = nil
	plain := next(t, load(t, labelled(27), c))
	erasing := c.Erasing
	c.Erasing = images.RandomErasing{}
	whole := next(t, load(t, labelled(27), c))
	changed := 0
	for i := range plain.Indices {
		a, b := pixels(plain)[i*3*256:][:3*256], pixels(whole)[i*3*256:][:3*256]
		differ := 0
		for k := range a {
			if a[k] != b[k] {
				differ++
			}
		}
		if differ > 0 {
			changed++
		}
		if differ > 3*256/2 { // boxes have at most a third, and two do not add up to more
			t.Errorf("erasing changes %d of %d values of image %d", differ, 3*256, i)
		}
	}
	if changed == 0 || changed == len(plain.Indices) {
		t.Errorf("%d of %d images are erased", changed, len(plain.Indices))
	}
	c.Erasing = erasing
	for _, mode := range []string{images.MixBatch, images.MixPair, images.MixElem} {
		c.Mixup = &images.Mixup{MixupAlpha: .8, CutmixAlpha: 1, Prob: 1, SwitchProb: .5, Mode: mode}
		mixed := next(t, load(t, labelled(27), c))
		want := slices.Clone(pixels(plain))
		images.MixImages(want, 3, 16, 16, mixed.Mixes)
		target := make([]float32, len(targets(mixed)))
		images.MixTargets(target, mixed.Labels, pictureClasses, .1, mixed.Mixes)
		if !slices.Equal(pixels(mixed), want) || !slices.Equal(targets(mixed), target) || slices.Equal(want, pixels(plain)) {
			t.Errorf("mode %s: the batch is not the unmixed one, mixed as it says", mode)
		}
		for i := range mixed.Indices {
			sum := float32(0)
			for _, v := range targets(mixed)[i*pictureClasses:][:pictureClasses] {
				sum += v
			}
			if !(math.Abs(float64(sum)-1) < 1e-6) {
				t.Errorf("mode %s: target %d sums to %g", mode, i, sum)
			}
		}
	}
}

// TestEpochsDrawAnew: in every epoch, images come in another order and are augmented,
// erased and mixed in other ways.
func TestEpochsDrawAnew(t *testing.T) {
	augmented, erased := finetuning(), probing()
	augmented.Mixup, augmented.Erasing = nil, images.RandomErasing{}
	erased.Erasing = images.RandomErasing{P: 1, Mode: images.EraseConst, Count: 1}
	for name, c := range map[string]images.LabelledConfig{"augmented": augmented, "erased": erased} {
		c.Batch = 26
		l := load(t, labelled(26), c)
		var orders [2][]int
		byEpoch := [2]map[int][]float32{{}, {}}
		for epoch := range byEpoch {
			b := next(t, l)
			orders[epoch] = slices.Clone(b.Indices)
			for i, index := range b.Indices {
				byEpoch[epoch][index] = slices.Clone(pixels(b)[i*3*256:][:3*256])
			}
			b.Release()
		}
		if slices.Equal(orders[0], orders[1]) {
			t.Errorf("%s: two epochs in the same order", name)
		}
		same := 0
		for index, first := range byEpoch[0] {
			if slices.Equal(first, byEpoch[1][index]) {
				same++
			}
		}
		if same > 2 { // boxes may be alike by chance
			t.Errorf("%d images are %s alike in two epochs", same, name)
		}
	}
	l, mixes := load(t, labelled(12), finetuning()), map[images.Mix]bool{}
	for range 6 {
		b := next(t, l)
		mixes[b.Mixes[0]] = true
		b.Release()
	}
	if len(mixes) != 6 {
		t.Errorf("%d mixes in three epochs of two steps, want 6", len(mixes))
	}
}

// TestErasingDoesNotDependOnTransforms: the boxes are those of the image and the
// epoch, whatever was drawn before.
func TestErasingDoesNotDependOnTransforms(t *testing.T) {
	c := probing()
	c.Erasing = images.RandomErasing{P: .5, Mode: images.EraseConst, Count: 1}
	first := next(t, load(t, labelled(27), c))
	c.Transforms = append(c.Transforms, images.RandomFlip{P: .5})
	second := next(t, load(t, labelled(27), c))
	if slices.Equal(pixels(first), pixels(second)) {
		t.Fatal("no image is flipped")
	}
	for i, v := range pixels(first) {
		if (v == 0) != (pixels(second)[i] == 0) {
			t.Fatalf("value %d is erased in one batch only", i)
		}
	}
}

func TestLabelledMemoryIsRecycled(t *testing.T) {
	l := load(t, labelled(60), finetuning())
	var seen sync.Map
	for range 30 {
		b := next(t, l)
		seen.Store(&pixels(b)[0], true)
		b.Release()
	}
	n := 0
	seen.Range(func(any, any) bool { n++; return true })
	if limit := l.Config().Prefetch + 2; n > limit {
		t.Errorf("30 batches took the memory of %d, want at most %d", n, limit)
	}
	kept := next(t, l)
	before := slices.Clone(pixels(kept))
	fingerprints(t, l, 20)
	if !slices.Equal(pixels(kept), before) {
		t.Error("a batch that was not released has changed")
	}
}

func TestLabelledLoaderEnds(t *testing.T) {
	before := runtime.NumGoroutine()
	data := labelled(60)
	data.Torn = []int{17}
	l := load(t, data, finetuning())
	var err error
	for range 10 {
		if _, err = l.Next(context.Background()); err != nil {
			break
		}
	}
	at := l.Position()
	if _, again := l.Next(context.Background()); err == nil || again == nil || again.Error() != err.Error() || err.Error() != "images: picture 17 is torn" || l.Position() != at {
		t.Errorf("errors %v, then %v", err, again)
	}
	l.Close()
	imagestest.Settle(t, before)
}

func TestLabelledLoaderErrors(t *testing.T) {
	for want, change := range map[string]func(c *images.LabelledConfig){
		"batches of 0 images":                 func(c *images.LabelledConfig) { c.Batch = 0 },
		"too few for a batch of 28":           func(c *images.LabelledConfig) { c.Batch = 28 },
		"0 classes":                           func(c *images.LabelledConfig) { c.Classes = 0 },
		"label 4, labels of 4 classes":        func(c *images.LabelledConfig) { c.Classes = 4 },
		"images of 0 pixels":                  func(c *images.LabelledConfig) { c.Size = 0 },
		"label smoothing 2":                   func(c *images.LabelledConfig) { c.Smoothing = 2 },
		"in mode \"\"":                        func(c *images.LabelledConfig) { c.Erasing.Mode = "" },
		"not of n = 9":                        func(c *images.LabelledConfig) { c.Batch = 9 },
		"not of n = 3":                        func(c *images.LabelledConfig) { c.Batch, c.KeepLast = 24, true },
		"every std must be above 0":           func(c *images.LabelledConfig) { c.Std[2] = 0 },
		"RandAugment without a filter":        func(c *images.LabelledConfig) { c.Transforms[2] = images.RandAugment{Layers: 1, Max: 1} },
		"flipping with probability 2":         func(c *images.LabelledConfig) { c.Transforms[1] = images.RandomFlip{P: 2} },
		"crops of 0 pixels":                   func(c *images.LabelledConfig) { c.Transforms[0] = images.RandomCrop{} },
		"crop scale [0 0]":                    func(c *images.LabelledConfig) { c.Transforms[0] = images.RandomResizedCrop{Size: 16} },
		"evaluation crops of 16 pixels from ": func(c *images.LabelledConfig) { c.Transforms[0] = images.EvalTransform{Size: 16, Resize: 8} },
	} {
		c := finetuning()
		change(&c)
		if _, err := images.NewLabelledLoader(labelled(27), c); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q", err, want)
		}
	}
	odd := finetuning()
	odd.Batch, odd.KeepLast = 26, true
	if _, err := images.NewLabelledLoader(labelled(27), odd); err == nil || !strings.Contains(err.Error(), "not of n = 1") {
		t.Errorf("one image left: error %v", err)
	}
	if _, err := images.NewLabelledLoader(unlabelled{labelled(27)}, finetuning()); err == nil || !strings.Contains(err.Error(), "image 0 of pictures has no label") {
		t.Errorf("images without labels: error %v", err)
	}
	c := finetuning()
	c.Transforms = []images.Transform{images.RandomCrop{Size: 15}}
	if _, err := load(t, labelled(27), c).Next(context.Background()); err == nil || !strings.Contains(err.Error(), "has 15x15 pixels after its transforms, not 16x16") {
		t.Errorf("images of another size: error %v", err)
	}
}

type unlabelled struct{ imagestest.Pictures }

func (unlabelled) Label(int) int { return -1 }

// TestPublishedTransforms: which crop the recipes have at which size.
func TestPublishedTransforms(t *testing.T) {
	resized := func(size int) images.Transform {
		return images.RandomResizedCrop{Size: size, Scale: [2]float64{.08, 1}, Ratio: [2]float64{3. / 4, 4. / 3}}
	}
	flip, augment := images.RandomFlip{P: .5}, images.RandAugment{Layers: 2}
	for _, c := range []struct{ got, want []images.Transform }{
		{images.LinearTransforms(32), []images.Transform{resized(32), flip}},
		{images.LinearTransforms(224), []images.Transform{resized(224), flip}},
		{images.FinetuneTransforms(32, augment), []images.Transform{images.RandomCrop{Size: 32, Padding: 4}, flip, augment}},
		{images.FinetuneTransforms(64, augment), []images.Transform{resized(64), flip, augment}},
	} {
		if !reflect.DeepEqual(c.got, c.want) {
			t.Errorf("transforms %+v, want %+v", c.got, c.want)
		}
	}
}
