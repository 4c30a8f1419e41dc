package coco

import (
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// TestMaskTransformsEqualPixelTransforms computes flips, crops and enlargements from the
// pixels. What a resize by other factors takes is compared with Pillow's in package
// detection.
func TestMaskTransformsEqualPixelTransforms(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h, w := rapid.IntRange(1, 9).Draw(t, "h"), rapid.IntRange(1, 9).Draw(t, "w")
		m := randomMask(t, h, w)
		r, err := EncodeMask(m)
		if err != nil {
			t.Fatal(err)
		}
		check := func(what string, got RLE, err error, height, width int, at func(y, x int) byte) {
			want := NewMask(height, width)
			for y := range height {
				for x := range width {
					want.Pix[y*width+x] = at(y, x)
				}
			}
			wantRuns, _ := EncodeMask(want)
			if err != nil || got.Height != height || got.Width != width || !slices.Equal(got.Counts, wantRuns.Counts) {
				t.Errorf("%s of %v is %v, %v, want %v", what, r, got, err, wantRuns)
			}
		}
		flipped, err := r.FlipHorizontal()
		check("the mirror", flipped, err, h, w, func(y, x int) byte { return m.Pix[y*w+w-1-x] })

		y0, x0 := rapid.IntRange(0, h-1).Draw(t, "y0"), rapid.IntRange(0, w-1).Draw(t, "x0")
		ch, cw := rapid.IntRange(1, h-y0).Draw(t, "ch"), rapid.IntRange(1, w-x0).Draw(t, "cw")
		cut, err := r.Crop(y0, x0, ch, cw)
		check("the crop", cut, err, ch, cw, func(y, x int) byte { return m.Pix[(y0+y)*w+x0+x] })

		fy, fx := rapid.IntRange(1, 4).Draw(t, "fy"), rapid.IntRange(1, 4).Draw(t, "fx")
		large, err := r.Resize(h*fy, w*fx)
		check("the enlargement", large, err, h*fy, w*fx, func(y, x int) byte { return m.Pix[y/fy*w+x/fx] })
	})
	r := RLE{Height: 3, Width: 4, Counts: []uint32{12}}
	for _, c := range [][4]int{{-1, 0, 1, 1}, {0, 0, 4, 1}, {0, 0, 0, 1}, {0, 3, 1, 2}} {
		if _, err := r.Crop(c[0], c[1], c[2], c[3]); err == nil {
			t.Errorf("a part %v of 3 rows and 4 columns", c)
		}
	}
}
