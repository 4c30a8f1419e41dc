package images

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestDecodeAgainstPillow decodes files of every kind to what Pillow decodes
// them to (testdata/make_decode.py). They are equal, sequential JPEG included; in
// progressive JPEG and lossy WebP other decoders round in other places.
func TestDecodeAgainstPillow(t *testing.T) {
	files, err := filepath.Glob(filepath.Join("testdata", "decode", "*"))
	if err != nil {
		t.Fatal(err)
	}
	tested := 0
	for _, file := range files {
		if _, err := os.Stat(file + ".png"); err != nil {
			continue // it is itself an expectation
		}
		tested++
		t.Run(filepath.Base(file), func(t *testing.T) {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			var img Image
			if err := DecodeImage(t.Context(), data, &img); err != nil {
				t.Fatal(err)
			}
			limit, step := 0., 0
			switch filepath.Base(file) {
			case "progressive.jpg", "cmyk.jpg", "lossy.webp", "alpha.webp":
				limit, step = .05, 3
			}
			mean, most := difference(t, &img, readPNG(t, file+".png"))
			t.Logf("mean difference %.4f, largest %d", mean, most)
			if !(mean <= limit) || most > step {
				t.Errorf("mean absolute difference %.4f of 255 (largest %d), at most %g (%d) is expected", mean, most, limit, step)
			}
		})
	}
	if want := 49; tested < want {
		t.Errorf("%d files tested, want %d", tested, want)
	}
}

func TestDecodeErrors(t *testing.T) {
	good, err := os.ReadFile(filepath.Join("testdata", "decode", "420.jpg"))
	if err != nil {
		t.Fatal(err)
	}
	picture, err := os.ReadFile(filepath.Join("testdata", "decode", "alpha.png"))
	if err != nil {
		t.Fatal(err)
	}
	for name, data := range map[string][]byte{
		"empty": nil, "text": []byte("hello"), "cut JPEG": good[:len(good)/2], "cut header": good[:40],
		"cut PNG": picture[:len(picture)/2], "TIFF without a directory": []byte("II*\x00\xff\xff\xff\xff"),
	} {
		var img Image
		if err := DecodeImage(t.Context(), data, &img); err == nil {
			t.Errorf("%s: no error", name)
		} else if strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %q is more than a line", name, err)
		}
	}
}

// TestUnreadKinds: of a good image that is not read, the error says what it is and not
// that it is corrupt.
func TestUnreadKinds(t *testing.T) {
	for name, want := range map[string]string{
		"animated.webp": "an animated WebP, which is not read: save one of its pictures in its place",
		"cmyk.tif":      "a TIFF of a kind that is not read (color model): save it as 8-bit grey or RGB, in LZW or uncompressed",
		"turned.tif":    "a TIFF that is to be turned for display: save it turned",
		"fax.tif":       "a TIFF in fax compression with black as zero: save it in another compression",
		"planes.tif":    "a TIFF of separate colour planes: save it with interleaved colours",
	} {
		data, err := os.ReadFile(filepath.Join("testdata", "unread", name))
		if err != nil {
			t.Fatal(err)
		}
		if err := DecodeImage(t.Context(), data, new(Image)); err == nil || err.Error() != want {
			t.Errorf("%s: %v, want %q", name, err, want)
		}
	}
}
