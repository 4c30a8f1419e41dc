package images

import (
	"encoding/json"
	"image/png"
	"os"
	"path/filepath"
	"testing"
)

// TestTransformsAgainstPillow compares every transform with what Pillow and
// torchvision made of the same picture with the same parameters
// (testdata/make_transforms.py). The bounds are mean absolute differences in
// units of 1/255: what is asked is 1, and 2 for hue and blur; what is reached is
// exactness, except for single steps of hue where float32 rounds the other way.
func TestTransformsAgainstPillow(t *testing.T) {
	dir := filepath.Join("testdata", "transforms")
	cases := readCases(t, dir)
	source := readPNG(t, filepath.Join(dir, "source.png"))
	seen := map[string]int{}
	for _, c := range cases {
		t.Run(c.File, func(t *testing.T) {
			got, work, limit := source.Clone(), new(Workspace), 0.
			switch c.Op {
			case "brightness":
				Brightness(got, c.Amount)
			case "contrast":
				Contrast(got, c.Amount)
			case "saturation":
				Saturation(got, c.Amount)
			case "hue":
				Hue(got, c.Amount)
				limit = .02
			case "grayscale":
				Grayscale(got)
			case "solarize":
				Solarize(got, int(c.Amount))
			case "flip":
				FlipHorizontal(got)
			case "blur":
				GaussianBlur(got, c.Amount, work)
			case "crop":
				ResizeBicubic(got, source, Rect{c.Box[0], c.Box[1], c.Box[2], c.Box[3]}, c.Size, c.Size, work)
			case "eval":
				got = EvalTransform{Size: c.Size, Resize: int(c.Amount)}.Apply(source, nil, work)
			default:
				t.Fatalf("no such transform: %s", c.Op)
			}
			want := readPNG(t, filepath.Join(dir, c.File))
			mean, most := difference(t, got, want)
			t.Logf("mean difference %.4f, largest %d", mean, most)
			if !(mean <= limit) {
				t.Errorf("mean absolute difference %.4f of 255 (largest %d), at most %g is expected", mean, most, limit)
			}
		})
		seen[c.Op]++
	}
	if len(seen) != 10 {
		t.Errorf("cases for %v, want 10 transforms", seen)
	}
}

// referenceCase is a recorded picture: what it was made of, how, and where it is.
type referenceCase struct {
	Op, File string
	Amount   float64
	Box      [4]int // x, y, width, height of the part of source.png
	Size     int
	Matrix   Affine
	Filter   string
}

func readCases(t *testing.T, dir string) []referenceCase {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, "cases.json"))
	if err != nil {
		t.Fatal(err)
	}
	var list struct{ Cases []referenceCase }
	if err := json.Unmarshal(text, &list); err != nil {
		t.Fatal(err)
	}
	return list.Cases
}

// TestAugmentationsAgainstPillow compares the operations of RandAugment with what
// Pillow made of parts of the same picture (testdata/make_randaugment.py), to the
// last bit.
func TestAugmentationsAgainstPillow(t *testing.T) {
	source := readPNG(t, filepath.Join("testdata", "transforms", "source.png"))
	dir := filepath.Join("testdata", "randaugment")
	seen := map[string]int{}
	for _, c := range readCases(t, dir) {
		src, got := new(Image), new(Image)
		CropPadded(src, source, Rect{c.Box[0], c.Box[1], c.Box[2], c.Box[3]})
		filter, fill := map[string]Filter{"bicubic": Bicubic, "bilinear": Bilinear}[c.Filter], MeanColor(ImageNetMean)
		switch c.Op {
		case "autocontrast":
			got = src
			AutoContrast(got)
		case "equalize":
			got = src
			Equalize(got)
		case "invert":
			got = src
			Invert(got)
		case "posterize":
			got = src
			Posterize(got, int(c.Amount))
		case "solarize_add":
			got = src
			SolarizeAdd(got, int(c.Amount))
		case "sharpness":
			Sharpness(got, src, c.Amount)
		case "rotate":
			Warp(got, src, Rotation(c.Amount, src.W, src.H), filter, fill)
		case "affine":
			Warp(got, src, c.Matrix, filter, fill)
		default:
			t.Fatalf("no such operation: %s", c.Op)
		}
		if mean, most := difference(t, got, readPNG(t, filepath.Join(dir, c.File))); most > 0 {
			t.Errorf("%s: mean difference %.4f of 255, largest %d, want none", c.File, mean, most)
		}
		seen[c.Op]++
	}
	if len(seen) != 8 {
		t.Errorf("cases for %v, want 8 operations", seen)
	}
}

func readPNG(t testing.TB, path string) *Image {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	m, err := png.Decode(f)
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	img := NewImage(m.Bounds().Dx(), m.Bounds().Dy())
	for i := range img.W * img.H {
		r, g, b, _ := m.At(i%img.W, i/img.W).RGBA()
		img.Pix[3*i], img.Pix[3*i+1], img.Pix[3*i+2] = uint8(r>>8), uint8(g>>8), uint8(b>>8)
	}
	return img
}

// difference is the mean and the largest absolute difference of two images.
func difference(t testing.TB, a, b *Image) (mean float64, most int) {
	t.Helper()
	if a.W != b.W || a.H != b.H {
		t.Fatalf("image of %dx%d, want %dx%d", a.W, a.H, b.W, b.H)
	}
	for i, v := range a.Pix {
		d := int(v) - int(b.Pix[i])
		d = max(d, -d)
		mean += float64(d)
		most = max(most, d)
	}
	return mean / float64(len(a.Pix)), most
}
