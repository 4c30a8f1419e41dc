package images_test

import (
	"bytes"
	"context"
	"errors"
	"image/png"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"pmx/images"
)

// TestInspect: what is wrong with which image, and what has the pixels of another,
// whatever its file.
func TestInspect(t *testing.T) {
	dir := photographs(t, 40, 3, 11)
	write := func(name string, img *images.Image, level png.CompressionLevel) {
		t.Helper()
		var file bytes.Buffer
		encoder := png.Encoder{CompressionLevel: level}
		if err := errors.Join(encoder.Encode(&file, img), os.WriteFile(filepath.Join(dir, name), file.Bytes(), 0o666)); err != nil {
			t.Fatal(err)
		}
	}
	var img images.Image
	if _, err := labelled(40).Sample(t.Context(), 7, &img); err != nil {
		t.Fatal(err)
	}
	write("4/copy.png", &img, png.NoCompression)
	grey := images.NewImage(50, 12)
	for i := range grey.Pix {
		grey.Pix[i] = 128
	}
	grey.Pix[0] = 150 // a speck
	write("4/grey.png", grey, png.BestSpeed)

	data := openFolder(t, dir)
	last := 0
	v, err := images.Inspect(t.Context(), data, 3, func(done int) { last = done })
	if err != nil || last != 42 {
		t.Fatalf("%d images, %v", last, err)
	}
	names := func(list []int) (names []string) {
		for _, i := range list {
			names = append(names, filepath.Base(images.ItemName(data, i)))
		}
		return names
	}
	if got := names(v.Unreadable()); !slices.Equal(got, []string{"011.png", "003.png"}) {
		t.Errorf("unreadable: %v", got)
	}
	if got := names(v.NearlyEmpty()); !slices.Equal(got, []string{"grey.png"}) {
		t.Errorf("nearly empty: %v", got)
	}
	double := v.Duplicates(v)
	if len(double) != 1 || !slices.Equal(names([]int{double[0].Index, double[0].Of}), []string{"copy.png", "007.png"}) {
		t.Errorf("duplicates: %v", double)
	}
	if short, long, ok := v.Sizes(); !ok || short.Min != 12 || long.Max != 50 {
		t.Errorf("sizes %v, %v", short, long)
	}
	other, err := images.Inspect(t.Context(), openFolder(t, photographs(t, 8)), 0, nil)
	if err != nil || len(other.Duplicates(v)) != 7 { // without the one that is damaged
		t.Errorf("of 8 images %v are those of the others, %v", other.Duplicates(v), err)
	}
	if line, err := images.ListLine(data, 0); err != nil || line != filepath.Join(dir, "0", "000.png")+"\t0" {
		t.Errorf("line %q, %v", line, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := images.Inspect(ctx, data, 1, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
}
