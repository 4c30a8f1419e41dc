package patchmix

import (
	"bytes"
	"image"
	"image/png"
	"testing"

	"pmx/images"
	"pmx/images/imagestest"
)

// TestPreview draws sheets of every kind and looks for what must be on them.
func TestPreview(t *testing.T) {
	data := open(t, "sample", images.Train)
	for name, change := range map[string]func(c *LoaderConfig){
		"all":         func(*LoaderConfig) {},
		"large batch": func(c *LoaderConfig) { c.Batch = 70 },
		"no local":    func(c *LoaderConfig) { c.Views.LocalCrops = 0 },
		"not mixed":   func(c *LoaderConfig) { c.Mix = nil },
		"larger":      func(c *LoaderConfig) { c.Views.View1.Crop.Size, c.Views.View2.Crop.Size = 96, 96 },
		"one image": func(c *LoaderConfig) {
			c.Batch, c.Mix.Num = 1, []int{1}
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := small()
			c.Views.View1.Blur.P = 0
			change(&c)
			b := next(t, load(t, data, c))
			drawn, err := previewImage(t.Context(), b, data, c)
			if err != nil {
				t.Fatal(err)
			}
			sheet := drawn.(*image.RGBA)
			if again, err := previewImage(t.Context(), b, data, c); err != nil || !bytes.Equal(again.(*image.RGBA).Pix, sheet.Pix) {
				t.Errorf("the same batch twice gives two sheets, %v", err)
			}
			size := sheet.Bounds().Size()
			if size.X < 400 || size.Y < 200 || size.X > 4000 || size.Y > 4000 {
				t.Errorf("a sheet of %v", size)
			}
			// View 1 of the first image is there, pixel by pixel.
			side := c.Views.View1.Crop.Size
			cell := side * max(1, (previewCell+side/2)/side)
			want := images.NewNormalizer(c.Views.Mean, c.Views.Std).Image(b.views[0], side, side)
			corner := image.Pt(previewMargin+previewSide+cell+previewGap, previewHead)
			scale := cell / side
			for y := range side {
				for x := range side {
					got := sheet.RGBAAt(corner.X+x*scale+scale/2, corner.Y+y*scale+scale/2)
					p := want.Pix[3*(y*side+x):]
					if got.R != p[0] || got.G != p[1] || got.B != p[2] {
						t.Fatalf("pixel (%d, %d) of view 1 is %v, want %v", x, y, got, p[:3])
					}
				}
			}
			// So are the heat maps: the largest target is the darkest blue.
			dark := false
			for y := size.Y - previewMatrix; y < size.Y; y++ {
				for x := range size.X {
					dark = dark || sheet.RGBAAt(x, y) == heat(1)
				}
			}
			if dark != (c.Mix != nil) {
				t.Errorf("heat maps are on the sheet: %t, want %t", dark, c.Mix != nil)
			}
		})
	}
}

// TestPreviewFrames: a patch of mixed view 1 has a frame in its image's colour, wide
// on wide patches, and within it the patch as it is. Images with patches in the rows
// shown and no row of their own are named below them.
func TestPreviewFrames(t *testing.T) {
	data := open(t, "sample", images.Train)
	for _, test := range []struct {
		size, batch int
		frame       int // pixels
		named       bool
	}{
		{16, 9, 3, true},  // patches of 32 pixels on the sheet
		{32, 8, 2, false}, // of 16
		{96, 70, 1, true}, // of 4
	} {
		c := small()
		c.Views.View1.Crop.Size, c.Views.View2.Crop.Size, c.Batch, c.Mix.Num = test.size, test.size, test.batch, []int{2}
		b := next(t, load(t, data, c))
		drawn, err := previewImage(t.Context(), b, data, c)
		if err != nil {
			t.Fatal(err)
		}
		sheet := drawn.(*image.RGBA)
		mixed := images.NewNormalizer(c.Views.Mean, c.Views.Std).Image(b.mixed[0], test.size, test.size)
		shift, err := Mixer{4, 2}.shifts(b.perms[0], test.size, test.size)
		if err != nil {
			t.Fatal(err)
		}
		scale := max(1, (previewCell+test.size/2)/test.size)
		cell := scale * test.size
		corner := image.Pt(previewMargin+previewSide+3*(cell+previewGap), previewHead)
		for i := range 4 * scale / 2 { // from the left edge of the first patch to its middle
			y := 2 * scale
			got := sheet.RGBAAt(corner.X+i, corner.Y+y)
			for channel, want := range mixed.Pix[3*(y/scale*test.size+i/scale):][:3] {
				colour := [...]uint8{tag(shift[0]).R, tag(shift[0]).G, tag(shift[0]).B}[channel]
				if i < test.frame { // 180 parts of 255
					want = uint8((180*int(colour) + 75*int(want)) / 255)
				}
				value := [...]uint8{got.R, got.G, got.B}[channel]
				if d := int(value) - int(want); d < -1 || d > 1 {
					t.Fatalf("%d px: pixel %d of the first patch, channel %d, is %d, want %d", test.size, i, channel, value, want)
				}
			}
		}
		rows := min(test.batch, previewRows)
		below := sheet.RGBAAt(previewMargin+previewSide+2, previewHead+rows*(cell+previewGap)+4)
		if named := below == tag(8); named != test.named {
			t.Errorf("batch of %d: image 8 is named: %t, want %t", test.batch, named, test.named)
		}
	}
}

func TestPreviewIsPNG(t *testing.T) {
	c := LoaderConfig{Batch: 1, Views: greyViews(28), Workers: 1}
	data := open(t, "sample", images.Test)
	var file bytes.Buffer
	if err := Preview(t.Context(), &file, next(t, load(t, data, c)), data, c); err != nil {
		t.Fatal(err)
	}
	if _, err := png.Decode(&file); err != nil {
		t.Error(err)
	}
}

func TestPreviewNamesBadImage(t *testing.T) {
	b := next(t, load(t, imagestest.Pictures{N: 60}, small()))
	if err := Preview(t.Context(), new(bytes.Buffer), b, imagestest.Pictures{N: 60, Torn: []int{b.Indices[1]}}, small()); err == nil {
		t.Error("no error for an image that is gone")
	}
}
