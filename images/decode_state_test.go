package images

import (
	"bytes"
	"context"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// TestDamageLeavesNothing decodes damaged files of every format, each followed by a good
// one of its kind with the same image and decoders: that has the bytes that it has alone.
func TestDamageLeavesNothing(t *testing.T) {
	good := map[string][]byte{}
	for _, folder := range []string{"decode", "odd"} {
		files, err := filepath.Glob(filepath.Join("testdata", folder, "*"))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if DecodeImage(t.Context(), data, new(Image)) == nil {
				good[file] = data
			}
		}
	}
	byFormat := map[string][]string{}
	alone := map[string]*Image{}
	for _, file := range slices.Sorted(maps.Keys(good)) {
		data, img := good[file], new(Image)
		if err := DecodeImage(t.Context(), data, img); err != nil {
			t.Fatal(err)
		}
		alone[file] = img
		format := formatOf(data).name
		byFormat[format] = append(byFormat[format], file)
	}
	if len(byFormat) != len(fileFormats) {
		t.Errorf("files of %d formats, there are %d", len(byFormat), len(fileFormats))
	}
	rng := rand.New(rand.NewPCG(7, 7))
	img := new(Image) // as a worker reuses it
	for _, file := range slices.Sorted(maps.Keys(good)) {
		data := good[file]
		for range 4 {
			damaged := bytes.Clone(data)
			for range 1 + rng.IntN(4) {
				damaged[rng.IntN(len(damaged))] ^= byte(1 + rng.IntN(255))
			}
			if rng.IntN(2) == 0 {
				damaged = damaged[:rng.IntN(len(damaged))]
			}
			head, err := headOf(damaged)
			if err != nil || head.w*head.h > 1<<20 {
				continue // it costs time and tells nothing
			}
			DecodeImage(t.Context(), damaged, img)
			kin := byFormat[formatOf(data).name]
			next := kin[rng.IntN(len(kin))]
			if err := DecodeImage(t.Context(), good[next], img); err != nil {
				t.Fatalf("%s after a damaged %s: %v", next, file, err)
			}
			if want := alone[next]; img.W != want.W || img.H != want.H || !bytes.Equal(img.Pix, want.Pix) {
				t.Fatalf("%s after a damaged %s has other pixels than alone", next, file)
			}
		}
	}
}

func headOf(data []byte) (header, error) {
	f := formatOf(data)
	if f == nil {
		return header{}, os.ErrInvalid
	}
	return f.head(data)
}

// TestAfterADamagedOne: the file that found it.
func TestAfterADamagedOne(t *testing.T) {
	read := func(name string, img *Image) error {
		return ReadImage(context.Background(), filepath.Join("testdata", "after_a_damaged_one", name), img)
	}
	var img Image
	if err := read("damaged.jpg", &img); err == nil {
		t.Error("the damaged file is read")
	}
	if err := read("good.jpg", &img); err != nil {
		t.Fatal(err)
	}
	if mean, most := difference(t, &img, readPNG(t, filepath.Join("testdata", "after_a_damaged_one", "good.jpg.png"))); most > 0 {
		t.Errorf("mean difference from Pillow %.4f, largest %d", mean, most)
	}
}
