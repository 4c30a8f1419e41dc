package tasks

import (
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"pmx/builders"
	"pmx/images"
	"pmx/onnxgraph"
)

func sourceOf(t *testing.T, b Base) *images.Source {
	t.Helper()
	source, err := Source(t.Context(), &b)
	if err != nil {
		t.Fatal(err)
	}
	return source
}

func TestPixelsOfUndoesTheNormalisation(t *testing.T) {
	const n, height, width = 2, 16, 8 // each channel has every byte once
	raw := onnxgraph.Zeros(onnxgraph.Uint8, []int{n, height, width, 3})
	normalized := onnxgraph.Zeros(onnxgraph.Float32, []int{n, 3, height, width})
	for i, pixels := 0, height*width; i < raw.Size(); i++ {
		image, pixel, channel := i/(3*pixels), i/3%pixels, i%3
		v := uint8(i/3 + 85*channel)
		onnxgraph.Data[uint8](raw)[i] = v
		onnxgraph.Data[float32](normalized)[(image*3+channel)*pixels+pixel] = (float32(v)/255 - builders.ImageMean[channel]) / builders.ImageStd[channel]
	}
	if got := pixelsOf(normalized); !got.Shape().Equal(raw.Shape()) || !slices.Equal(onnxgraph.Data[uint8](got), onnxgraph.Data[uint8](raw)) {
		t.Error("bytes change by normalising and back")
	}
}

// TestEvalBatches: all images once, in order, as floats and as bytes.
func TestEvalBatches(t *testing.T) {
	_, queries, err := LabelledSplits(t.Context(), sourceOf(t, Base{Data: "sample"}), "")
	if err != nil {
		t.Fatal(err)
	}
	indices := []int{5, 1, 999, 3, 8}
	data, err := images.Subset(queries, "some", indices)
	if err != nil {
		t.Fatal(err)
	}
	next := 0
	var img images.Image
	for b, err := range EvalBatches(t.Context(), data, 28, 2, true) {
		if err != nil {
			t.Fatal(err)
		}
		for i, label := range b.Labels {
			want, err := queries.Sample(t.Context(), indices[next], &img)
			if err != nil {
				t.Fatal(err)
			}
			if got := onnxgraph.Data[uint8](b.Images)[i*len(img.Pix):][:len(img.Pix)]; label != want || !slices.Equal(got, img.Pix) {
				t.Errorf("image %d: label %d, want %d, or other pixels", next, label, want)
			}
			next++
		}
	}
	if next != len(indices) {
		t.Errorf("%d images, want %d", next, len(indices))
	}
}

// TestLabelledSplitsNeedLabels: images without classes, of either split, and test
// images that are not there or of other classes are no failure, but nothing to
// classify. None of these files is an image: labels are found without pixels.
func TestLabelledSplitsNeedLabels(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{
		"flat/1.png", "flat/2.png",
		"flattest/train/cats/1.png", "flattest/train/dogs/2.png", "flattest/test/3.png",
		"alien/train/cats/1.png", "alien/test/cats/2.png", "alien/test/dogs/3.png",
		"mixed/train/cats/1.png", "mixed/test/cats/2.png", "mixed/test/3.png",
		"bare/train/cats/1.png", "bare/test/notes.txt",
		"good/train/cats/1.png", "good/train/dogs/2.png", "good/test/dogs/3.png",
	} {
		writeText(t, filepath.Join(dir, name), "no pixels")
	}
	writeText(t, filepath.Join(dir, "some.txt"), "a.png\tcat\nb.png\nc.png\tdog\nd.png\tdog\n")
	writeText(t, filepath.Join(dir, "one.txt"), "a.png\tcat\nb.png\tcat\nc.png\tcat\nd.png\tcat\n")
	writeText(t, filepath.Join(dir, "each.txt"), "a.png\t1\nb.png\t2\nc.png\t3\nd.png\t4\n")
	writeText(t, filepath.Join(dir, "all.txt"), "a.png\tcat\nb.png\tcat\nc.png\tdog\nd.png\tdog\n")
	for name, c := range map[string]struct {
		holdOut float64
		want    string // "" for none
	}{
		"flat":          {0.5, "flat, without 1 held out: the images have no classes"},
		"flattest":      {0, "flattest/test: the images have no classes"},
		"alien":         {0, `"dogs" is none of the training images`},
		"mixed":         {0, "cannot be classes"},
		"bare":          {0, "no images in it (.jpg .jpeg .png .gif .bmp .webp .tif .tiff .pbm .pgm .ppm .pnm), or hold out a part of the training images: HOLD OUT keeps a tenth"},
		"list:some.txt": {0.25, "1 of its 3 images have no class"},
		"list:one.txt":  {0.25, `one.txt, without 1 held out: all images are of one class, "cat"`},
		"list:each.txt": {0.25, "each.txt, 1 held out: no image is of a class of list "},
		"list:all.txt":  {0, "HOLD OUT keeps a tenth"},
		"good":          {0, ""},
	} {
		format, file, isList := strings.Cut(name, ":")
		b := Base{Data: filepath.Join(dir, name), HoldOut: c.holdOut}
		if isList {
			b.Data = format + ":" + filepath.Join(dir, file)
		}
		bank, queries, err := LabelledSplits(t.Context(), sourceOf(t, b), "HOLD OUT")
		if c.want == "" {
			if err != nil || bank.Len() != 2 || queries.Len() != 1 {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		if _, ok := errors.AsType[*UnlabelledError](err); !ok || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want an UnlabelledError with %q", name, err, c.want)
		}
		if _, err := sourceOf(t, b).Open(images.Train); err != nil {
			t.Errorf("%s cannot be trained on: %v", name, err)
		}
	}
	if _, err := Source(t.Context(), &Base{}); !errors.Is(err, ErrNoData) {
		t.Errorf("no data: %v, want ErrNoData", err)
	}
}

// TestAccuracyNotes: test images of classes that nobody votes for are counted.
func TestAccuracyNotes(t *testing.T) {
	dir := t.TempDir()
	list := func(name, text string) images.Dataset {
		writeText(t, filepath.Join(dir, name), text)
		d, err := images.Open("list:"+filepath.Join(dir, name), images.Train)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	bank := list("bank.txt", "a\t0\nb\t2\nc\t2\n")
	for text, want := range map[string]string{
		"a\t0\nb\t2\n":             "",
		"a\t0\nb\t3\nc\t3\n":       "2 of the 3 images of QUERIES cannot be classified: none of BANK is of class 3",
		"a\t9\nb\t0\nc\t1\nd\t3\n": "3 of the 4 images of QUERIES cannot be classified: none of BANK is of class 1 and 2 more",
	} {
		queries := list("queries.txt", text)
		got := strings.NewReplacer(queries.Name(), "QUERIES", bank.Name(), "BANK").Replace(strings.Join(AccuracyNotes(bank, queries), "\n"))
		// √(.25/n): 25.0, 28.9 and 35.4 points of 4, 3 and 2 images.
		few := regexp.MustCompile(`^\n?([234]) test images are few: the standard error of an accuracy is up to (25.0|28.9|35.4) points, .*$`)
		kept, last := got, got[strings.LastIndexByte("\n"+got, '\n'):]
		if few.MatchString(last) {
			kept = strings.TrimSuffix(strings.TrimSuffix(got, last), "\n")
		} else {
			t.Errorf("%q: few test images are not told: %q", text, got)
		}
		if kept != want {
			t.Errorf("%q: %q, want %q", text, kept, want)
		}
	}
	many := list("many.txt", strings.Repeat("a\t0\nb\t2\n", 250))
	if notes := AccuracyNotes(bank, many); len(notes) > 0 {
		t.Errorf("500 test images: %q", notes)
	}
	if got := Majority(bank, many); got != 0.5 { // label 2 in the bank
		t.Errorf("the largest class is right for %g", got)
	}
}

func writeText(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
}
