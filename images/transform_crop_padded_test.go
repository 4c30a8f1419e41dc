package images

import (
	"bytes"
	"math/rand/v2"
	"testing"
)

// TestRandomCrop: all offsets of a padded image occur about equally often, and each
// gives the pixels at that place, black outside.
func TestRandomCrop(t *testing.T) {
	src, work := noise(8, 6), new(Workspace)
	before := src.Clone()
	crop := RandomCrop{Size: 6, Padding: 2}
	rng := rand.New(rand.NewPCG(3, 5))
	counts := map[Rect]int{}
	const draws = 7 * 5 * 400
	for range draws {
		got := crop.Apply(src, rng, work)
		at, ok := locate(src, got)
		if !ok {
			t.Fatal("a crop is no part of the padded image")
		}
		counts[at]++
	}
	if len(counts) != 7*5 {
		t.Errorf("%d places, want %d", len(counts), 7*5)
	}
	for at, n := range counts {
		if n < 300 || n > 500 {
			t.Errorf("%v is drawn %d times, want about 400", at, n)
		}
	}
	if !bytes.Equal(src.Pix, before.Pix) {
		t.Error("cropping changes the image")
	}
}

// locate finds the part of src with black around it that a crop shows.
func locate(src, crop *Image) (Rect, bool) {
	for y := -2; y <= src.H+2-crop.H; y++ {
		for x := -2; x <= src.W+2-crop.W; x++ {
			same := true
			for i := range crop.W * crop.H {
				at := Rect{X: x + i%crop.W, Y: y + i/crop.W}
				want := [3]uint8{}
				if at.X >= 0 && at.Y >= 0 && at.X < src.W && at.Y < src.H {
					want = [3]uint8(src.Pix[3*(at.Y*src.W+at.X):])
				}
				same = same && want == [3]uint8(crop.Pix[3*i:])
			}
			if same {
				return Rect{X: x, Y: y, W: crop.W, H: crop.H}, true
			}
		}
	}
	return Rect{}, false
}

// TestRandomCropOfSmallImages: an image that does not fill the crop is in it whole,
// with its padding, anywhere.
func TestRandomCropOfSmallImages(t *testing.T) {
	src, work := plain(3, 2, 9, 8, 7), new(Workspace)
	rng := rand.New(rand.NewPCG(3, 6))
	places := map[int]bool{}
	for range 3000 {
		got := RandomCrop{Size: 12, Padding: 1}.Apply(src, rng, work)
		first, inside := -1, 0
		for i := range got.W * got.H {
			switch [3]uint8(got.Pix[3*i:]) {
			case [3]uint8{9, 8, 7}:
				if inside++; first < 0 {
					first = i
				}
			case [3]uint8{}:
			default:
				t.Fatal("a pixel that the image does not have")
			}
		}
		if got.W != 12 || got.H != 12 || inside != 6 {
			t.Fatalf("%dx%d with %d pixels of the image, want 12x12 with 6", got.W, got.H, inside)
		}
		places[first] = true
	}
	if len(places) != 8*9 {
		t.Errorf("%d places, want 8*9", len(places))
	}
}
