package images

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"image/png"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pmx/images/internal/idx"
	"pmx/internal/require"
)

// cifarRecord makes a record whose pixel (x, y) of channel c is x + 2*y + 50*c + seed.
func cifarRecord(seed int, labels ...byte) []byte {
	record := slices.Clone(labels)
	for c := range 3 {
		for y := range cifarSide {
			for x := range cifarSide {
				record = append(record, byte(x+2*y+50*c+seed))
			}
		}
	}
	return record
}

func writeFile(t testing.TB, data []byte, path ...string) {
	t.Helper()
	name := filepath.Join(path...)
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, data, 0o644); err != nil {
		t.Fatal(err)
	}
}

func encodePNG(t testing.TB, img *Image) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func encodeIDX(t testing.TB, zip bool, data []byte, dims ...int) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := idx.Write(&b, dims, data); err != nil {
		t.Fatal(err)
	}
	if !zip {
		return b.Bytes()
	}
	var z bytes.Buffer
	w := gzip.NewWriter(&z)
	w.Write(b.Bytes())
	w.Close()
	return z.Bytes()
}

// plain is an image of one colour.
func plain(w, h int, r, g, b uint8) *Image {
	img := NewImage(w, h)
	for i := 0; i < len(img.Pix); i += 3 {
		copy(img.Pix[i:], []uint8{r, g, b})
	}
	return img
}

func open(t testing.TB, spec, split string, options ...OpenOption) Dataset {
	t.Helper()
	d, err := Open(spec, split, options...)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func sampleOf(t testing.TB, d Dataset, i int) (*Image, int) {
	t.Helper()
	img := new(Image)
	label, err := d.Sample(t.Context(), i, img)
	if err != nil {
		t.Fatal(err)
	}
	return img, label
}

// storages makes one small dataset of every format, for what holds for all.
var storages = map[string]func(t testing.TB, dir string) (spec string){
	"sample": func(testing.TB, string) string { return "sample" },
	"cifar10": func(t testing.TB, dir string) string {
		writeFile(t, slices.Concat(cifarRecord(0, 3), cifarRecord(1, 9)), dir, "data_batch_1.bin")
		writeFile(t, cifarRecord(2, 0), dir, "test_batch.bin")
		return dir
	},
	"cifar100": func(t testing.TB, dir string) string {
		writeFile(t, slices.Concat(cifarRecord(0, 1, 3), cifarRecord(1, 0, 99)), dir, "train.head.bin")
		writeFile(t, cifarRecord(2, 5, 0), dir, "test.bin")
		return dir
	},
	"mnist": func(t testing.TB, dir string) string {
		writeFile(t, encodeIDX(t, true, []byte{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}, 2, 3, 2), dir, "train-images-idx3-ubyte.gz")
		writeFile(t, encodeIDX(t, false, []byte{7, 1}, 2), dir, "train-labels-idx1-ubyte")
		writeFile(t, encodeIDX(t, false, []byte{1, 2, 3, 4, 5, 6}, 1, 3, 2), dir, "t10k-images.idx3-ubyte")
		writeFile(t, encodeIDX(t, true, []byte{7}, 1), dir, "t10k-labels.idx1-ubyte.gz")
		return dir
	},
	"fashion-mnist": func(t testing.TB, dir string) string {
		for i, part := range []string{"train", "t10k"} {
			writeFile(t, encodeIDX(t, true, []byte{byte(i), 2, 3, 4}, 1, 2, 2), dir, "fashion", part+"-images-idx3-ubyte.gz")
			writeFile(t, encodeIDX(t, true, []byte{9}, 1), dir, "fashion", part+"-labels-idx1-ubyte.gz")
		}
		return filepath.Join(dir, "fashion")
	},
	"folder": func(t testing.TB, dir string) string {
		writeFile(t, encodePNG(t, plain(5, 4, 1, 2, 3)), dir, "train", "dogs", "deep", "1.png")
		writeFile(t, encodePNG(t, plain(4, 5, 7, 8, 9)), dir, "train", "cats", "b.PNG")
		writeFile(t, []byte("hidden"), dir, "train", "cats", ".b.png")
		writeFile(t, []byte("hidden"), dir, "train", ".cache", "c.png")
		writeFile(t, []byte("no image"), dir, "train", "cats", "notes.txt")
		writeFile(t, encodePNG(t, plain(4, 4, 4, 5, 6)), dir, "val", "dogs", "2.png")
		return dir
	},
	"list": func(t testing.TB, dir string) string {
		writeFile(t, encodePNG(t, plain(2, 2, 1, 2, 3)), dir, "images", "a b.png")
		writeFile(t, encodePNG(t, plain(2, 3, 4, 5, 6)), dir, "c.png")
		writeFile(t, []byte("images/a b.png\tsea\r\n\nc.png\tair\nc.png"), dir, "list.txt")
		return filepath.Join(dir, "list.txt")
	},
}

// TestEveryFormat holds what is the same for all registered formats: detection
// from a bare path, samples, digests, held-out images.
func TestEveryFormat(t *testing.T) {
	for name, format := range Formats.All() {
		t.Run(name, func(t *testing.T) {
			store, ok := storages[name]
			if !ok {
				t.Fatal("no small dataset of this format: add one to storages")
			}
			spec := store(t, t.TempDir())
			if format.Help == "" {
				t.Error("no help")
			}
			train := open(t, spec, Train)
			if d := open(t, strings.TrimSuffix(name+":"+spec, ":sample"), Train); d.Name() != train.Name() || !strings.HasPrefix(d.Name(), name) {
				t.Errorf("%s is detected as %s", d.Name(), train.Name())
			}
			digests := map[string]string{}
			check := func(d Dataset) {
				t.Helper()
				if d.Len() < 1 {
					t.Fatalf("%s is empty", d.Name())
				}
				for i := range min(d.Len(), 20) {
					img, label := sampleOf(t, d, i)
					if len(img.Pix) != 3*img.W*img.H || len(img.Pix) == 0 {
						t.Errorf("%s: image %d is %dx%d in %d bytes", d.Name(), i, img.W, img.H, len(img.Pix))
					}
					if d.Label(i) != label {
						t.Errorf("%s: image %d has label %d, and without its pixels %d", d.Name(), i, label, d.Label(i))
					}
					if label < -1 || len(d.Classes()) > 0 && label >= len(d.Classes()) {
						t.Errorf("%s: image %d has label %d of %d", d.Name(), i, label, len(d.Classes()))
					}
				}
				one, err1 := d.Digest()
				again, err2 := d.Digest()
				if err1 != nil || err2 != nil || one != again || !strings.HasPrefix(one, "sha256:") {
					t.Errorf("%s: digests %s, %s, %v, %v", d.Name(), one, again, err1, err2)
				}
				if was, there := digests[one]; there && was != d.Name() {
					t.Errorf("%s and %s have the same digest", was, d.Name())
				}
				digests[one] = d.Name()
			}
			check(train)
			test, err := Open(spec, Test)
			switch {
			case err == nil:
				check(test)
				if !slices.Equal(test.Classes(), train.Classes()) {
					t.Errorf("test classes %v, training classes %v", test.Classes(), train.Classes())
				}
				held := open(t, spec, Train, HoldOut(.4))
				if held.Len() != train.Len() {
					t.Errorf("%d of %d images are left although there is a test split", held.Len(), train.Len())
				}
			case errors.Is(err, ErrNoSplit):
				held, rest := open(t, spec, Test, HoldOut(.4)), open(t, spec, Train, HoldOut(.4))
				check(held)
				check(rest)
				if held.Len()+rest.Len() != train.Len() {
					t.Errorf("%d held out + %d rest, of %d", held.Len(), rest.Len(), train.Len())
				}
			default:
				t.Error(err)
			}
			if _, err := Open(spec, "dev"); err == nil {
				t.Error("a split called dev is opened")
			}
		})
	}
}

func TestCIFARPixels(t *testing.T) {
	dir := t.TempDir()
	writeFile(t, cifarRecord(0, 3), dir, "data_batch_2.bin")
	writeFile(t, slices.Concat(cifarRecord(4, 5), cifarRecord(8, 9)), dir, "data_batch_1.head.bin")
	writeFile(t, []byte("ape\nbee\ncow\ndog\neel\nfox\ngnu\nhen\nibis\njay\n\n"), dir, "batches.meta.txt")
	d := open(t, "cifar10:"+dir, Train)
	if d.Len() != 3 || d.Classes()[9] != "jay" {
		t.Fatalf("%d images, classes %v", d.Len(), d.Classes())
	}
	for i, want := range []struct{ label, seed int }{{5, 4}, {9, 8}, {3, 0}} {
		img, label := sampleOf(t, d, i)
		at := img.Pix[3*(7*cifarSide+11):]
		if base := uint8(11 + 14 + want.seed); label != want.label || at[0] != base || at[1] != base+50 || at[2] != base+100 {
			t.Errorf("image %d: label %d, pixel (11, 7) %v", i, label, at[:3])
		}
	}
	// x.bin replaces x.head.bin
	writeFile(t, cifarRecord(6, 1), dir, "data_batch_1.bin")
	if d := open(t, dir, Train); d.Len() != 2 {
		t.Errorf("%d images where the whole file lies beside its head, want 2", d.Len())
	}
	if img, label := sampleOf(t, open(t, storages["cifar100"](t, t.TempDir()), Train), 1); label != 99 || img.Pix[0] != 1 {
		t.Errorf("CIFAR-100: fine label %d, want 99; first byte %d, want 1", label, img.Pix[0])
	}
}

func TestMNISTPixels(t *testing.T) {
	d := open(t, storages["mnist"](t, t.TempDir()), Train)
	img, label := sampleOf(t, d, 1)
	if label != 1 || img.W != 2 || img.H != 3 || !bytes.Equal(img.Pix[6:9], []byte{9, 9, 9}) {
		t.Errorf("label %d, %dx%d, %v", label, img.W, img.H, img.Pix)
	}
}

func TestFolderClasses(t *testing.T) {
	dir := t.TempDir()
	spec := storages["folder"](t, dir)
	train, test := open(t, spec, Train), open(t, spec, Test)
	if want := []string{"cats", "dogs"}; !slices.Equal(train.Classes(), want) || !slices.Equal(test.Classes(), want) || train.Len() != 2 {
		t.Errorf("classes %v and %v, want %v; %d images, want 2", train.Classes(), test.Classes(), want, train.Len())
	}
	if img, label := sampleOf(t, test, 0); label != 1 || img.Pix[0] != 4 {
		t.Errorf("the only test image, a dog, has label %d", label)
	}
	// Without division and classes: a heap of images.
	heap := t.TempDir()
	writeFile(t, encodePNG(t, plain(2, 2, 0, 0, 0)), heap, "x.png")
	d := open(t, heap, Train)
	if _, label := sampleOf(t, d, 0); d.Len() != 1 || label != -1 || len(d.Classes()) != 0 {
		t.Errorf("a heap of images has label %d, classes %v", label, d.Classes())
	}
	// A class may be called like a split.
	vehicles := t.TempDir()
	for _, class := range []string{"bus", "car", "train"} {
		writeFile(t, encodePNG(t, plain(2, 2, 0, 0, 0)), vehicles, class, "1.png")
	}
	if d := open(t, vehicles, Train); !slices.Equal(d.Classes(), []string{"bus", "car", "train"}) {
		t.Errorf("vehicles have classes %v", d.Classes())
	}
	// Links are followed, circles found.
	linked := t.TempDir()
	if err := os.Symlink(filepath.Join(vehicles, "bus"), filepath.Join(linked, "omnibus")); err == nil {
		if d := open(t, linked, Train); !slices.Equal(d.Classes(), []string{"omnibus"}) {
			t.Errorf("a linked folder gives classes %v", d.Classes())
		}
		if err := os.Symlink(filepath.Join(heap, "x.png"), filepath.Join(linked, "omnibus", "2.png")); err != nil {
			t.Fatal(err)
		}
		if d := open(t, linked, Train); d.Len() != 2 {
			t.Errorf("a picture and a link to one are %d", d.Len())
		}
		if err := os.Symlink(linked, filepath.Join(linked, "again")); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(linked, Train); err == nil || !strings.Contains(err.Error(), "link") {
			t.Errorf("a circle of links gives %v", err)
		}
	}
}

// TestFolderClassesStopEarly: for the classes of the training images, the first image
// of a class is enough.
func TestFolderClassesStopEarly(t *testing.T) {
	dir := t.TempDir()
	spec := storages["folder"](t, dir)
	cats := filepath.Join(dir, "train", "cats")
	if err := os.Symlink(cats, filepath.Join(cats, "z")); err != nil {
		t.Skip(err)
	}
	if _, err := Open(spec, Train); err == nil {
		t.Error("a circle of links is not seen")
	}
	if d := open(t, spec, Test); len(d.Classes()) != 2 {
		t.Errorf("classes %v", d.Classes())
	}
}

// TestSourceReadsOnce: whatever is asked for, and however often, the files of a split
// are opened once, and not at all where nobody wants them.
func TestSourceReadsOnce(t *testing.T) {
	for name, c := range map[string]struct {
		holdOut     float64
		test        bool
		train, held int // images in both splits
	}{
		"as it is":       {0, true, 10, 4},
		"no test images": {0, false, 10, 0},
		"held out":       {.3, false, 7, 3},
		"no need":        {.3, true, 10, 4},
	} {
		opened := map[string]int{}
		s := newSource(Format{open: func(_, split string, _ openOptions) (Dataset, error) {
			opened[split]++
			switch {
			case split == Train:
				return pictures(10), nil
			case c.test:
				return pictures(4), nil
			}
			return nil, ErrNoSplit
		}}, "", openOptions{holdOut: c.holdOut})
		for i := range 2 {
			train, err := s.Open(Train)
			if err != nil || train.Len() != c.train {
				t.Fatalf("%s: %v, %v", name, train, err)
			}
			if i == 0 && c.holdOut == 0 && opened[Test] != 0 {
				t.Errorf("%s: test images are opened and nobody wants them", name)
			}
			test, err := s.Open(Test)
			if c.held == 0 && !errors.Is(err, ErrNoSplit) || c.held > 0 && (err != nil || test.Len() != c.held) {
				t.Fatalf("%s: %v, %v", name, test, err)
			}
		}
		if !maps.Equal(opened, map[string]int{Train: 1, Test: 1}) {
			t.Errorf("%s: opened %v, want each once", name, opened)
		}
	}
}

func TestListLabels(t *testing.T) {
	d := open(t, storages["list"](t, t.TempDir()), Train)
	var labels []int
	for i := range d.Len() {
		_, label := sampleOf(t, d, i)
		labels = append(labels, label)
	}
	if !slices.Equal(labels, []int{1, 0, -1}) || !slices.Equal(d.Classes(), []string{"air", "sea"}) {
		t.Errorf("labels %v of classes %v", labels, d.Classes())
	}
	numbers := &imageFiles{}
	if err := numbers.parseList([]byte("a.png\t7\nb.png\t0\n"), "."); err != nil || !slices.Equal(numbers.labels, []int{7, 0}) || len(numbers.classes) != 0 {
		t.Errorf("labels %v of classes %v, %v", numbers.labels, numbers.classes, err)
	}
}

// TestListMark: the byte order mark is no part of the first path.
func TestListMark(t *testing.T) {
	dir := t.TempDir()
	writeFile(t, encodePNG(t, plain(2, 2, 0, 0, 0)), dir, "a.png")
	writeFile(t, []byte("\ufeffa.png\t3\r\na.png\t4"), dir, "list.txt")
	d := open(t, "list:"+filepath.Join(dir, "list.txt"), Train)
	if _, label := sampleOf(t, d, 0); label != 3 || d.Len() != 2 || d.Label(1) != 4 {
		t.Errorf("%d images, labels %d and %d", d.Len(), label, d.Label(1))
	}
}

func TestHoldOutIsStable(t *testing.T) {
	dir := t.TempDir()
	var records []byte
	for i := range 50 {
		records = append(records, cifarRecord(i, byte(i%10))...)
	}
	writeFile(t, records, dir, "data_batch_1.bin")
	first := func(split string) (list []int) {
		d := open(t, dir, split, HoldOut(.2))
		for i := range d.Len() {
			img, _ := sampleOf(t, d, i)
			list = append(list, int(img.Pix[0]))
		}
		return list
	}
	train, test := first(Train), first(Test)
	if len(test) != 10 || len(train) != 40 || !slices.IsSorted(test) || !slices.IsSorted(train) {
		t.Errorf("held out %v of %v", test, train)
	}
	all := slices.Sorted(slices.Values(slices.Concat(train, test)))
	if len(slices.Compact(all)) != 50 {
		t.Error("the parts overlap")
	}
	// These numbers must never change: runs are compared across versions.
	if want := []int{0, 2, 5, 12, 31, 34, 36, 46, 47, 49}; !slices.Equal(test, want) {
		t.Errorf("held out are %v, they always were %v", test, want)
	}
}

func TestOpenErrors(t *testing.T) {
	dir := t.TempDir()
	in := func(name string) string { return filepath.Join(dir, name) }
	writeFile(t, cifarRecord(0, 3)[:3000], dir, "cut", "data_batch_1.bin")
	writeFile(t, nil, dir, "void", "data_batch_1.bin")
	writeFile(t, append(cifarRecord(0, 9), cifarRecord(0, 10)...), dir, "label", "data_batch_1.bin")
	writeFile(t, append(cifarRecord(0, 1, 99), cifarRecord(0, 1, 250)...), dir, "label100", "train.bin")
	writeFile(t, []byte("x"), dir, "phone", "1.HEIC")
	writeFile(t, []byte("x"), dir, "phone", "more", "2.heic")
	writeFile(t, encodeIDX(t, false, make([]byte, 8), 2, 2, 2), dir, "idx", "train-images-idx3-ubyte")
	writeFile(t, encodeIDX(t, false, make([]byte, 3), 3), dir, "idx", "train-labels-idx1-ubyte")
	writeFile(t, []byte("x"), dir, "none", "notes.md")
	writeFile(t, encodePNG(t, plain(2, 2, 0, 0, 0)), dir, "mixed", "1.png")
	writeFile(t, encodePNG(t, plain(2, 2, 0, 0, 0)), dir, "mixed", "cats", "2.png")
	writeFile(t, encodePNG(t, plain(2, 2, 0, 0, 0)), dir, "alien", "train", "cats", "2.png")
	writeFile(t, encodePNG(t, plain(2, 2, 0, 0, 0)), dir, "alien", "val", "dogs", "2.png")
	writeFile(t, encodePNG(t, plain(2, 2, 0, 0, 0)), dir, "bare", "train", "cats", "2.png")
	writeFile(t, []byte("x"), dir, "bare", "test", "notes.md")
	writeFile(t, []byte("a.png\t3\nb.png\t-3\n"), dir, "negative.txt")
	writeFile(t, []byte("a.png\n"+strings.Repeat("b", 2000000)), dir, "long.txt")
	writeFile(t, []byte("\xff\xfea\x00\n\x00"), dir, "wide.txt")
	writeFile(t, []byte("a.png\t\n"), dir, "tab.txt")
	writeFile(t, []byte("\n"), dir, "empty.txt")
	for _, c := range []struct{ spec, split, want string }{
		{"cifra10:" + dir, Train, `did you mean "cifar10"?`},
		{"cifar10", Train, "write cifar10:DIR"},
		{"cifar10:", Train, "write cifar10:DIR"},
		{"sample:x", Train, "takes no path"},
		{in("nowhere"), Train, "neither a file or folder that is there nor one of"},
		{"cifar10:" + in("nowhere"), Train, "no such file"},
		{"cifar10:" + in("none"), Train, "no data_batch_*.bin in"},
		{in("cut"), Train, "3000 bytes are not a whole number of 3073-byte records"},
		{in("void"), Train, "0 bytes are not a whole number"},
		{in("label"), Train, "data_batch_1.bin: record 1 has label 10, but there are 10 classes"},
		{in("label100"), Train, "train.bin: record 1 has label 250, but there are 100 classes"},
		{in("phone"), Train, ".pnm), but images are left out by their endings, 2 (2 .heic): JPEG, PNG, GIF, BMP, WebP, TIFF, PNM are read"},
		{in("label"), Test, "no test images: no test_batch*.bin"},
		{in("idx"), Train, "2 images but 3 labels"},
		{in("idx"), Test, "hold out a part"},
		{in("none"), Train, "no images in it (.jpg"},
		{in("none"), Test, "make folders train and test"},
		{in("mixed"), Train, "cannot be classes"},
		{in("alien"), Test, `no classes to test with: "dogs" is none of the training images`},
		{in("bare"), Test, "no test images: no images in it"},
		{in("negative.txt"), Train, `negative.txt: line 2: label "-3" of b.png`},
		{in("long.txt"), Train, "long.txt: line 2 has 2000000 bytes: want a path a line"},
		{in("wide.txt"), Train, "wide.txt: it is UTF-16: save it as UTF-8"},
		{in("tab.txt"), Train, "a tab but no label"},
		{in("empty.txt"), Train, "no images"},
		{in("empty.txt"), Test, "a list is one split"},
		{filepath.Join(in("mixed"), "1.png"), Train, "no known kind of dataset"},
	} {
		_, err := Open(c.spec, c.split)
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") || !strings.HasPrefix(err.Error(), "images: ") {
			t.Errorf("Open(%q, %s): %v\nwant one line with %q", c.spec, c.split, err, c.want)
		}
	}
	// Test images without their classes leave the training images as they are.
	for _, options := range [][]OpenOption{nil, {HoldOut(.5)}} {
		if d, err := Open(in("alien"), Train, options...); err != nil || d.Len() != 1 {
			t.Errorf("the training images beside others: %v", err)
		}
	}
	if _, err := Open(in("alien"), Test); !errors.Is(err, ErrClasses) {
		t.Errorf("other classes: %v, want ErrClasses", err)
	}
	if _, err := Open("sample", Train, HoldOut(1)); err == nil {
		t.Error("all images can be held out")
	}
	if _, err := Open(in("mixed")+"/cats", Train, HoldOut(.01)); err == nil || !strings.Contains(err.Error(), "leaves a part empty") {
		t.Errorf("one image is divided: %v", err)
	}
}

func TestCorruptImageIsNamed(t *testing.T) {
	dir := t.TempDir()
	writeFile(t, encodePNG(t, plain(9, 9, 1, 2, 3))[:50], dir, "broken.png")
	broken := filepath.Join(dir, "broken.png")
	_, err := open(t, dir, Train).Sample(t.Context(), 0, new(Image))
	if bad, ok := errors.AsType[*ImageError](err); !ok || bad.Path != broken || !strings.HasPrefix(err.Error(), "images: "+broken+": corrupt png image: ") ||
		!strings.HasSuffix(err.Error(), ": repair or remove it") {
		t.Errorf("error %v, want one that names the file and a remedy", err)
	}
	gone := filepath.Join(dir, "gone.jpg")
	list := &imageFiles{paths: []string{gone}, labels: []int{-1}}
	if _, err := list.Sample(t.Context(), 0, new(Image)); err == nil || err.Error() != "images: "+gone+" is not there: put it back" || !errors.Is(err, os.ErrNotExist) {
		t.Errorf("error %v, want one that names the file", err)
	}
}

// TestDigestCovers holds what it says to the digest itself: a file that is cut off
// changes the digest if it is covered, and only then.
func TestDigestCovers(t *testing.T) {
	for name, c := range map[string]struct {
		file    string // below a folder of train and test, or of cats alone
		spec    string
		options []OpenOption
		covered bool
	}{
		"trained on": {"split/train/cats/0.png", "split", nil, true},
		"test image": {"split/test/cats/0.png", "split", nil, false},
		"held out":   {"whole/cats/0.png", "whole", []OpenOption{HoldOut(.98)}, true},
		"held in":    {"whole/cats/0.png", "whole", []OpenOption{HoldOut(.02)}, true},
	} {
		dir := t.TempDir()
		for _, folder := range []string{"split/train/cats", "split/test/cats", "whole/cats"} {
			for i := range 50 {
				writeFile(t, encodePNG(t, plain(9, 9, 1, 2, 3)), dir, folder, fmt.Sprintf("%d.png", i))
			}
		}
		path := filepath.Join(dir, filepath.FromSlash(c.file))
		d := open(t, filepath.Join(dir, c.spec), Train, c.options...)
		before, err1 := d.Digest()
		err2 := os.Truncate(path, 20)
		after, err3 := d.Digest()
		if err := errors.Join(err1, err2, err3); err != nil {
			t.Fatal(err)
		}
		if got := DigestCovers(d, path); got != c.covered || (before != after) != c.covered {
			t.Errorf("%s: covered %t, digest changed %t, want %t", name, got, before != after, c.covered)
		}
	}
	if d := open(t, "sample", Train); DigestCovers(d, "0.png") {
		t.Error("data without files has one")
	}
}

func TestSampleIsBalanced(t *testing.T) {
	for split, each := range map[string]int{Train: 1000, Test: 200} {
		d := open(t, "sample", split)
		count := make([]int, 10)
		for i := range d.Len() {
			_, label := sampleOf(t, d, i)
			count[label]++
		}
		for label, n := range count {
			if n != each {
				t.Errorf("%s: %d images of class %d, want %d", split, n, label, each)
			}
		}
	}
	if !strings.Contains(SampleLicense(), "Permission is hereby granted") {
		t.Error("the licence text is not compiled in")
	}
}

// TestSampleStaysTheSame: runs on the sample are compared across versions.
func TestSampleStaysTheSame(t *testing.T) {
	for split, want := range map[string]string{
		Train: "sha256:c4468a6ce9aea9c062ad3c6b4fbcec59ac91e1a28bd3588fe75b66e589938055",
		Test:  "sha256:2b7f87d4909a0d529cba384e49af62042f43bb900f25dd34c5819bae744942a4",
	} {
		if got, err := open(t, "sample", split).Digest(); err != nil || got != want {
			t.Errorf("%s: digest %s, %v, want %s", split, got, err, want)
		}
	}
}

// TestSampleIsWhatWasPublished compares the test images that are compiled in
// with the originals.
func TestSampleIsWhatWasPublished(t *testing.T) {
	const dir = "/usr/share/datasets/fashion-mnist"
	if _, err := os.Stat(dir); err != nil {
		require.Missing(t, "Debian's package dataset-fashion-mnist")
	}
	all, part := open(t, "fashion-mnist:"+dir, Test), open(t, "sample", Test)
	next := 0
	for i := 0; i < all.Len() && next < part.Len(); i++ {
		want, wantLabel := sampleOf(t, all, i)
		got, label := sampleOf(t, part, next)
		if label == wantLabel && bytes.Equal(got.Pix, want.Pix) {
			next++
		}
	}
	if next != part.Len() {
		t.Errorf("image %d is not among the originals, in their order", next)
	}
}

// TestRealCIFAR opens the first records of the official files.
func TestRealCIFAR(t *testing.T) {
	root := filepath.Join("..", "..", "shared", "data")
	for name, want := range map[string]struct{ classes int }{"cifar10": {10}, "cifar100": {100}} {
		dir := filepath.Join(root, name)
		if _, err := os.Stat(dir); err != nil {
			require.Missing(t, dir)
		}
		d := open(t, dir, Train)
		if !strings.HasPrefix(d.Name(), name+" ") || d.Len() < 1000 || len(d.Classes()) != want.classes {
			t.Errorf("%s: %s, %d images, %d classes", dir, d.Name(), d.Len(), len(d.Classes()))
		}
	}
}

func FuzzCIFAR(f *testing.F) {
	f.Add(cifarRecord(0, 3))
	f.Add(cifarRecord(0, 3, 200))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, raw []byte) {
		for labelBytes := 1; labelBytes <= 2; labelBytes++ {
			d := &records{w: cifarSide, h: cifarSide, planar: true}
			if err := (cifar{labelBytes: labelBytes, count: 256}).parse(d, raw); err != nil {
				continue
			}
			var img Image
			var back []byte
			for i := range d.Len() {
				label, err := d.Sample(t.Context(), i, &img)
				if err != nil {
					t.Fatal(err)
				}
				back = append(back, raw[len(back):][:labelBytes-1]...)
				back = append(back, byte(label))
				for c := range 3 {
					for k := range cifarSide * cifarSide {
						back = append(back, img.Pix[3*k+c])
					}
				}
			}
			if !bytes.Equal(back, raw) {
				t.Error("the records are not what was read")
			}
		}
	})
}

func FuzzList(f *testing.F) {
	f.Add([]byte("a.png\tcat\nb c.jpg\t3\r\n\n/d.gif"))
	f.Add([]byte("a\t\t1\n"))
	f.Add([]byte("\t1"))
	f.Fuzz(func(t *testing.T, text []byte) {
		list := &imageFiles{}
		if list.parseList(text, "dir") != nil {
			return
		}
		// What is read, written as a list again, reads the same.
		var again bytes.Buffer
		for i, name := range list.names {
			switch {
			case list.labels[i] < 0:
				fmt.Fprintf(&again, "%s\n", name)
			case len(list.classes) > 0:
				fmt.Fprintf(&again, "%s\t%s\n", name, list.classes[list.labels[i]])
			default:
				fmt.Fprintf(&again, "%s\t%d\n", name, list.labels[i])
			}
		}
		twice := &imageFiles{}
		if err := twice.parseList(again.Bytes(), "dir"); err != nil {
			t.Fatalf("%q: %v", again.Bytes(), err)
		}
		if !slices.Equal(list.paths, twice.paths) || !slices.Equal(list.labels, twice.labels) {
			t.Errorf("%q and %q are read differently", text, again.Bytes())
		}
	})
}

func FuzzDecodeImage(f *testing.F) {
	files, _ := filepath.Glob(filepath.Join("testdata", "decode", "*"))
	for _, file := range files {
		if data, err := os.ReadFile(file); err == nil && len(data) < 4000 {
			f.Add(data)
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var img Image
		if DecodeImage(t.Context(), data, &img) == nil && len(img.Pix) != 3*img.W*img.H {
			t.Errorf("an image of %dx%d has %d bytes", img.W, img.H, len(img.Pix))
		}
	})
}

// pictures is a dataset of so many images, of which only the number matters.
type pictures int

func (p pictures) Name() string                                           { return "pictures" }
func (p pictures) Len() int                                               { return int(p) }
func (p pictures) Label(i int) int                                        { return i }
func (p pictures) Classes() []string                                      { return nil }
func (p pictures) Digest() (string, error)                                { return "", nil }
func (p pictures) Sample(_ context.Context, i int, _ *Image) (int, error) { return i, nil }
