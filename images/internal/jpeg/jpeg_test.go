package jpeg

import (
	"bytes"
	"context"
	"errors"
	"image"
	"image/color"
	"image/jpeg"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// picture has smooth parts and noise, in colour.
func picture(w, h int) image.Image {
	img, rng := image.NewRGBA(image.Rect(0, 0, w, h)), rand.New(rand.NewPCG(1, 2))
	for y := range h {
		for x := range w {
			c := color.RGBA{uint8(4 * x), uint8(4 * y), uint8(x * y), 255}
			if (x/9+y/7)%3 == 0 {
				c = color.RGBA{uint8(rng.Uint32()), uint8(rng.Uint32()), uint8(rng.Uint32()), 255}
			}
			img.SetRGBA(x, y, c)
		}
	}
	return img
}

func encode(t testing.TB, img image.Image, quality int) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := jpeg.Encode(&b, img, &jpeg.Options{Quality: quality}); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// recorded lists the files that Pillow made.
func recorded(t testing.TB) map[string][]byte {
	t.Helper()
	paths, _ := filepath.Glob(filepath.Join("..", "..", "testdata", "decode", "*.jpg"))
	if len(paths) == 0 {
		t.Fatal("no files in ../../testdata/decode")
	}
	files := map[string][]byte{}
	for _, path := range paths {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		files[filepath.Base(path)] = data
	}
	return files
}

// compare fails if the planes differ from image/jpeg's by more than a step of
// rounding.
func compare(t *testing.T, d *Decoder, data []byte) {
	t.Helper()
	got, err := d.Decode(context.Background(), data)
	if err != nil {
		t.Fatal(err)
	}
	want, err := jpeg.Decode(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	comparePixels(t, got, want)
}

func comparePixels(t *testing.T, got, want image.Image) {
	t.Helper()
	if got.Bounds() != want.Bounds() {
		t.Fatalf("%v, want %v", got.Bounds(), want.Bounds())
	}
	near := func(a, b uint8) bool { return a-b <= 1 || b-a <= 1 }
	for y := range got.Bounds().Dy() {
		for x := range got.Bounds().Dx() {
			switch want := want.(type) {
			case *image.Gray:
				if g := got.(*image.Gray); !near(g.GrayAt(x, y).Y, want.GrayAt(x, y).Y) {
					t.Fatalf("(%d, %d) is %v, want %v", x, y, g.GrayAt(x, y), want.GrayAt(x, y))
				}
			case *image.YCbCr:
				a, b := got.(*image.YCbCr).YCbCrAt(x, y), want.YCbCrAt(x, y)
				if !near(a.Y, b.Y) || !near(a.Cb, b.Cb) || !near(a.Cr, b.Cr) {
					t.Fatalf("(%d, %d) is %v, want %v", x, y, a, b)
				}
			}
		}
	}
}

func TestAgainstStandardLibrary(t *testing.T) {
	var d Decoder // for all, so that nothing stays behind from one to the next
	for _, size := range [][2]int{{64, 48}, {1, 1}, {7, 9}, {16, 16}, {17, 33}, {100, 3}} {
		for _, quality := range []int{1, 30, 75, 95, 100} {
			img := picture(size[0], size[1])
			compare(t, &d, encode(t, img, quality))
			grey := image.NewGray(img.Bounds())
			for i := range grey.Pix {
				grey.Pix[i] = uint8(i * i)
			}
			compare(t, &d, encode(t, grey, quality))
		}
	}
	for name, data := range recorded(t) {
		if name == "progressive.jpg" || name == "cmyk.jpg" {
			if _, err := d.Decode(context.Background(), data); !errors.Is(err, ErrUnsupported) {
				t.Errorf("%s: error %v", name, err)
			}
			continue
		}
		t.Run(name, func(t *testing.T) { compare(t, &d, data) })
	}
}

// TestMissingEnd: a file that is cut off anywhere is not decoded, unless nothing but
// the marker of its end is missing: then it has the pixels of the whole.
func TestMissingEnd(t *testing.T) {
	var d Decoder
	files := recorded(t)
	for name, data := range map[string][]byte{
		"encoded": encode(t, picture(40, 24), 60), "420": files["420.jpg"], "grey": files["grey.jpg"], "restart": files["restart.jpg"],
	} {
		marker := len(data) - 2
		if !bytes.Equal(data[marker:], []byte{0xff, eoi}) {
			t.Fatalf("%s does not end in a marker", name)
		}
		for n := range len(data) {
			if _, err := d.Decode(context.Background(), data[:n]); (err == nil) != (n >= marker) {
				t.Fatalf("%s: %d of %d bytes: %v", name, n, len(data), err)
			}
		}
		// image/jpeg wants the marker.
		want, err := jpeg.Decode(bytes.NewReader(data))
		if err != nil {
			t.Fatal(err)
		}
		for _, cut := range [][]byte{data[:marker], data[:marker+1], append(bytes.Clone(data[:marker]), 0, 0, 0)} {
			got, err := d.Decode(context.Background(), cut)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			comparePixels(t, got, want)
		}
	}
}

// TestDamage: a file with any byte changed does no harm.
func TestDamage(t *testing.T) {
	var d Decoder
	data := encode(t, picture(40, 24), 60)
	for i := range data {
		for _, v := range []byte{0, 0xff, data[i] ^ 1, data[i] ^ 0x80} {
			changed := bytes.Clone(data)
			changed[i] = v
			d.Decode(context.Background(), changed)
		}
	}
	restart := recorded(t)["restart.jpg"]
	i := bytes.Index(restart, []byte{0xff, rst0})
	if i < 0 {
		t.Fatal("no restart marker")
	}
	restart[i+1]++ // out of order
	if _, err := d.Decode(context.Background(), restart); err == nil {
		t.Error("restart markers out of order are accepted")
	}
}

func FuzzDecode(f *testing.F) {
	for name, data := range recorded(f) {
		if !strings.HasPrefix(name, "fine") {
			f.Add(data)
		}
	}
	f.Add(encode(f, picture(9, 9), 20))
	f.Fuzz(func(t *testing.T, data []byte) {
		config, err := jpeg.DecodeConfig(bytes.NewReader(data))
		if err == nil && config.Width*config.Height > 1<<20 {
			return
		}
		img, err := new(Decoder).Decode(context.Background(), data)
		if err != nil {
			return
		}
		if b := img.Bounds(); b.Dx() != config.Width || b.Dy() != config.Height {
			t.Errorf("an image of %v, image/jpeg says %dx%d", b, config.Width, config.Height)
		}
	})
}

// BenchmarkDecode compares with image/jpeg on a picture like a photograph of
// high quality.
func BenchmarkDecode(b *testing.B) {
	data := encode(b, picture(640, 480), 90)
	b.Run("pmx", func(b *testing.B) {
		var d Decoder
		b.SetBytes(int64(len(data)))
		for b.Loop() {
			if _, err := d.Decode(context.Background(), data); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("std", func(b *testing.B) {
		b.SetBytes(int64(len(data)))
		for b.Loop() {
			if _, err := jpeg.Decode(bytes.NewReader(data)); err != nil {
				b.Fatal(err)
			}
		}
	})
}
