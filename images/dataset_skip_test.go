package images_test

import (
	"context"
	"errors"
	"fmt"
	"image/png"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pmx/images"
	"pmx/images/imagestest"
	"pmx/internal/errtest"
	"pmx/onnxgraph"
)

// photographs writes n images in classes; those in damaged are then damaged each in
// another way.
func photographs(t testing.TB, n int, damaged ...int) (dir string) {
	t.Helper()
	dir = t.TempDir()
	for i := range n {
		var img images.Image
		label, err := labelled(n).Sample(t.Context(), i, &img)
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(dir, fmt.Sprint(label), fmt.Sprintf("%03d.png", i))
		var file strings.Builder
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o777), png.Encode(&file, &img)); err != nil {
			t.Fatal(err)
		}
		data := file.String()
		if at := slices.Index(damaged, i); at >= 0 {
			data = []string{data[:len(data)/2], "<html>not found</html>", ""}[at%3]
		}
		if err := os.WriteFile(path, []byte(data), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func openFolder(t testing.TB, dir string) images.Dataset {
	t.Helper()
	d, err := images.Open("folder:"+dir, images.Train)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// TestSkippedImagesAreReplaced: every readable image is trained on in every epoch, one
// that cannot be read has another one in its place, and which one does not depend on the
// workers nor on where a run was stopped.
func TestSkippedImagesAreReplaced(t *testing.T) {
	data := openFolder(t, photographs(t, 30, 3, 11, 20))
	straight := fingerprints(t, load(t, images.SkipBadImages(data, nil), finetuning()), 12)
	for stop := range straight {
		c := finetuning()
		c.Workers, c.Prefetch = 1+stop%4, 1+stop%3
		first := load(t, images.SkipBadImages(data, nil), c)
		got := fingerprints(t, first, stop)
		second := load(t, images.SkipBadImages(data, nil), c)
		if err := second.Seek(first.Position()); err != nil {
			t.Fatal(err)
		}
		if got = append(got, fingerprints(t, second, len(straight)-stop)...); !slices.Equal(got, straight) {
			t.Errorf("resumed after %d steps, another run:\n%s\nwant\n%s", stop, strings.Join(got, "\n"), strings.Join(straight, "\n"))
		}
	}
}

// TestReplacementHasItsLabel: pixels and label of a replacement are those of one image.
func TestReplacementHasItsLabel(t *testing.T) {
	data := openFolder(t, photographs(t, 30, 3, 11, 20))
	var reported []string
	skipping := images.SkipBadImages(data, func(s images.Skipped) { reported = append(reported, filepath.Base(s.Err.Path)) })
	c := probing()
	c.Workers = 1
	own := map[string]int{} // pixels to label, of the readable images
	for b, err := range images.EvalBatches(t.Context(), skipping, images.EvalConfig{
		Transform: c.Transforms[0].(images.EvalTransform), Mean: c.Mean, Std: c.Std, Batch: 4,
	}) {
		if err != nil {
			t.Fatal(err)
		}
		n := len(b.Labels)
		if b.Images.Shape()[0] != n || len(b.Indices) != n {
			t.Fatalf("%d labels, %d indices, images %v", n, len(b.Indices), b.Images)
		}
		values := onnxgraph.Data[float32](b.Images)
		for i, label := range b.Labels {
			if label != data.Label(b.Indices[i]) {
				t.Errorf("image %d has label %d", b.Indices[i], label)
			}
			own[fmt.Sprint(values[i*3*16*16:][:3*16*16])] = label
		}
	}
	slices.Sort(reported)
	if len(own) != 27 || strings.Join(reported, " ") != "003.png 011.png 020.png" {
		t.Fatalf("%d images are evaluated, %v skipped, want 27 and the three that are damaged", len(own), reported)
	}
	l := load(t, skipping, c)
	seen := map[string]bool{}
	for range l.StepsPerEpoch() {
		b := next(t, l)
		for i, label := range b.Labels {
			values := fmt.Sprint(pixels(b)[i*3*16*16:][:3*16*16])
			if want, ok := own[values]; !ok || want != label {
				t.Errorf("an image with label %d whose pixels are of label %d (%t)", label, want, ok)
			}
			seen[values] = true
		}
	}
	if len(seen) != 27 {
		t.Errorf("%d images are in an epoch, want all 27 that can be read", len(seen))
	}
	skipped := skipping.Skipped()
	if len(skipped) != 3 || len(reported) != 3 {
		t.Fatalf("%d are skipped and %d reported, want 3", len(skipped), len(reported))
	}
	for i, name := range []string{"020.png", "011.png", "003.png"} { // in the order of the classes
		if s := skipped[i]; filepath.Base(s.Err.Path) != name {
			t.Errorf("skipped %v, want %s", s.Err, name)
		}
	}
}

// TestTooManyBadImages: 20 are skipped, the next one is an error that names it.
func TestTooManyBadImages(t *testing.T) {
	count := func(n, bad int) error {
		var damaged []int
		for i := range bad {
			damaged = append(damaged, i)
		}
		data := images.SkipBadImages(openFolder(t, photographs(t, n, damaged...)), nil)
		c := images.EvalConfig{Transform: images.EvalTransform{Size: 8}, Mean: images.ImageNetMean, Std: images.ImageNetStd, Batch: 8, Workers: 1}
		for _, err := range images.EvalBatches(t.Context(), data, c) {
			if err != nil {
				return err
			}
		}
		return nil
	}
	if err := count(60, 20); err != nil {
		t.Error(err)
	}
	errtest.OneLine(t, count(60, 21), "; 21 of the 60 images of folder ", "cannot be read, and at most 20 are skipped: `pmx check-data` lists all of them")
	err := count(4, 4)
	errtest.OneLine(t, err, "; 4 of the 4 images of folder ", "at most 3 are skipped")
	if _, ok := errors.AsType[*images.ImageError](err); !ok {
		t.Error("the error does not hold the image's")
	}
	// Of 30,000 one in a thousand.
	var torn many
	many := images.SkipBadImages(torn, nil)
	var img images.Image
	for i := range 31 {
		_, err := many.Sample(t.Context(), i, &img)
		if _, skipped := errors.AsType[*images.SkippedError](err); skipped != (i < 30) {
			t.Errorf("image %d of 30,000: %v", i, err)
		}
	}
}

// many are 30,000 images that cannot be read.
type many struct{ imagestest.Pictures }

func (many) Len() int { return 30000 }

func (many) Sample(_ context.Context, i int, _ *images.Image) (int, error) {
	return 0, &images.ImageError{Path: fmt.Sprint(i), Err: errors.New("torn")}
}

// TestOtherErrorsAreNotSkipped: only image files are, not what else goes wrong.
func TestOtherErrorsAreNotSkipped(t *testing.T) {
	var img images.Image
	_, err := images.SkipBadImages(imagestest.Pictures{N: 9, Torn: []int{4}}, nil).Sample(t.Context(), 4, &img)
	if _, skipped := errors.AsType[*images.SkippedError](err); skipped || err == nil {
		t.Errorf("error %v", err)
	}
	dir := photographs(t, 5)
	data := images.SkipBadImages(openFolder(t, dir), nil)
	if path := filepath.Join(dir, "2", "002.png"); !images.DigestCovers(data, path) || !images.HoldsFile(data, path) {
		t.Error("a data set that skips does not know its files")
	}
}
