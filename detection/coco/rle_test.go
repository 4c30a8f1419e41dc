package coco

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// randomMask is a random mask with runs of random lengths.
func randomMask(t *rapid.T, h, w int) Mask {
	m := NewMask(h, w)
	density := rapid.Float64Range(0, 1).Draw(t, "density")
	for i := range m.Pix {
		if rapid.Float64Range(0, 1).Draw(t, "pixel") < density {
			m.Pix[i] = 1
		}
	}
	return m
}

func TestEncodeDecodeRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := randomMask(t, rapid.IntRange(1, 12).Draw(t, "h"), rapid.IntRange(1, 12).Draw(t, "w"))
		r, err := EncodeMask(m)
		if err != nil {
			t.Fatal(err)
		}
		back, err := r.Decode()
		if err != nil || !slices.Equal(back.Pix, m.Pix) {
			t.Errorf("mask %v became %v, %v", m, back, err)
		}
		parsed, err := ParseRLE(r.Height, r.Width, r.Compress())
		if err != nil || !slices.Equal(parsed.Counts, r.Counts) {
			t.Errorf("runs %v became %v, %v", r.Counts, parsed.Counts, err)
		}
	})
}

// TestMaskOperationsEqualPixelOperations computes areas, boxes, merges and IoU
// from the pixels.
func TestMaskOperationsEqualPixelOperations(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h, w := rapid.IntRange(1, 9).Draw(t, "h"), rapid.IntRange(1, 9).Draw(t, "w")
		a, b := randomMask(t, h, w), randomMask(t, h, w)
		ra, _ := EncodeMask(a)
		rb, _ := EncodeMask(b)
		var area, inter, union uint32
		x0, y0, x1, y1 := w, h, -1, -1
		both, either := NewMask(h, w), NewMask(h, w)
		for i := range a.Pix {
			both.Pix[i], either.Pix[i] = a.Pix[i]&b.Pix[i], a.Pix[i]|b.Pix[i]
			inter += uint32(both.Pix[i])
			union += uint32(either.Pix[i])
			if a.Pix[i] == 1 {
				area++
				x0, x1 = min(x0, i%w), max(x1, i%w)
				y0, y1 = min(y0, i/w), max(y1, i/w)
			}
		}
		var box XYWH
		if area > 0 {
			box = XYXY{float64(x0), float64(y0), float64(x1 + 1), float64(y1 + 1)}.XYWH()
		}
		if ra.Area() != area {
			t.Errorf("area %d, %d pixels are inside", ra.Area(), area)
		}
		// Columns in one run that wraps from bottom to top make the box span the
		// height, which is at most larger than needed; see RLE.Box.
		if got := ra.Box(); got[0] != box[0] || got[2] != box[2] || got[1] > box[1] || got[3] < box[3] {
			t.Errorf("box %v, the pixels' is %v", got, box)
		}
		wantBoth, _ := EncodeMask(both)
		wantAny, _ := EncodeMask(either)
		if got, _ := Intersection(ra, rb); !slices.Equal(got.Counts, wantBoth.Counts) {
			t.Errorf("intersection %v, want %v", got.Counts, wantBoth.Counts)
		}
		if got, _ := Union(ra, rb); !slices.Equal(got.Counts, wantAny.Counts) {
			t.Errorf("union %v, want %v", got.Counts, wantAny.Counts)
		}
		var iou, crowdIoU float64
		if inter > 0 {
			iou, crowdIoU = float64(inter)/float64(union), float64(inter)/float64(area)
		}
		if got := RLEIoU([]RLE{ra}, []RLE{rb}, nil)[0]; got != iou {
			t.Errorf("IoU %v, want %v", got, iou)
		}
		if got := RLEIoU([]RLE{ra}, []RLE{rb}, []bool{true})[0]; got != crowdIoU {
			t.Errorf("IoU with a crowd %v, want %v", got, crowdIoU)
		}
	})
}

// TestFastIoUEqualsWalk compares the two ways that spansIoU has.
func TestFastIoUEqualsWalk(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h, w := rapid.IntRange(1, 9).Draw(t, "h"), rapid.IntRange(1, 9).Draw(t, "w")
		ra, _ := EncodeMask(randomMask(t, h, w))
		rb, _ := EncodeMask(randomMask(t, h, w))
		crowd := rapid.Bool().Draw(t, "crowd")
		got := RLEIoU([]RLE{ra}, []RLE{rb}, []bool{crowd})[0]
		want := walkIoU(ra.Counts, rb.Counts, ra.Area(), crowd)
		if boxes := (BoxIoU([]XYWH{ra.Box()}, []XYWH{rb.Box()}, nil))[0]; boxes == 0 {
			want = 0
		}
		if got != want {
			t.Errorf("%v against %v: %v, the walk has %v", ra.Counts, rb.Counts, got, want)
		}
	})
}

// TestIoUOfMasksOfDifferentSizesIsMinusOne is a quirk of pycocotools: where the
// boxes overlap IoU is -1, so that nothing matches; elsewhere it is 0.
func TestIoUOfMasksOfDifferentSizesIsMinusOne(t *testing.T) {
	a, _ := BoxRLE(10, 10, XYWH{1, 1, 5, 5})
	b, _ := BoxRLE(20, 10, XYWH{1, 1, 5, 5})
	c, _ := BoxRLE(20, 10, XYWH{7, 7, 2, 2})
	if got := RLEIoU([]RLE{a}, []RLE{b, c}, nil); got[0] != -1 || got[1] != 0 {
		t.Errorf("IoU %v, want [-1 0]", got)
	}
}

// TestBoxOfZeroLengthRunsWraps is a quirk of pycocotools: its unsigned
// arithmetic gives a mask whose inside runs are all empty a box that begins past
// the image. Recorded with pycocotools 2.0.11:
//
//	mask.toBbox(mask.frPyObjects({"size": [3, 4], "counts": [12, 0]}, 3, 4))
func TestBoxOfZeroLengthRunsWraps(t *testing.T) {
	got := RLE{Height: 3, Width: 4, Counts: []uint32{12, 0}}.Box()
	if want := (XYWH{4, 3, 4294967293, 4294967294}); got != want {
		t.Errorf("box %v, want %v", got, want)
	}
}

// TestWalkEndsWhereEmptyRunsCoincide is a quirk of pycocotools: both masks hold
// pixels 0 to 3 and 4 to 7, cut by empty runs at one place, and the second half
// is lost. Recorded with pycocotools 2.0.11: iou gives 1.0 and merge [0, 4].
func TestWalkEndsWhereEmptyRunsCoincide(t *testing.T) {
	r := RLE{Height: 4, Width: 3, Counts: []uint32{0, 4, 0, 4, 4}}
	if got := RLEIoU([]RLE{r}, []RLE{r}, []bool{true})[0]; got != 0.5 {
		t.Errorf("IoU with a crowd %v, want 0.5: half of the inside pixels", got)
	}
	if got, _ := Union(r, r); !slices.Equal(got.Counts, []uint32{0, 4}) {
		t.Errorf("union %v, want [0 4]", got.Counts)
	}
}

func TestMalformedRLE(t *testing.T) {
	for _, c := range []struct {
		height, width int
		counts, want  string
	}{
		{2, 3, "6", ""},
		{2, 3, "7", "its runs cover 7 pixels and its size [2, 3] has 6"},
		{2, 3, "", "its runs cover 0 pixels"},
		{2, 3, "V", "ends in the middle of run 0"},
		{2, 3, "6 ", "character 1 of its string is ' '"},
		{2, 3, "ooooooooo0", "run 0 has more than 7 characters"},
		{2, 3, "O", "run 0 has length -1"},
		{0, 3, "0", "no pixels"},
		{1 << 20, 1 << 20, "0", "more than 2147483647 pixels"},
	} {
		_, err := ParseRLE(c.height, c.width, c.counts)
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("ParseRLE(%d, %d, %q): error %v, want %q", c.height, c.width, c.counts, err, c.want)
		}
	}
}

// TestMalformedMasksEnd: masks that nobody validated, whose runs cover more or
// fewer pixels than they should, have meaningless results but do have some.
func TestMalformedMasksEnd(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		draw := func() RLE {
			return RLE{Height: 4, Width: 5, Counts: rapid.SliceOfN(rapid.Uint32Range(0, 12), 0, 6).Draw(t, "runs")}
		}
		RLEIoU([]RLE{draw()}, []RLE{draw()}, nil)
	})
}

func TestMergeErrors(t *testing.T) {
	a, _ := BoxRLE(10, 10, XYWH{1, 1, 5, 5})
	b, _ := BoxRLE(20, 10, XYWH{1, 1, 5, 5})
	for _, masks := range [][]RLE{{}, {a, b}, {{Height: 2, Width: 2}}, {a, {Height: 10, Width: 10, Counts: []uint32{3}}}} {
		if _, err := Union(masks...); err == nil {
			t.Errorf("%v were merged", masks)
		}
	}
}

// FuzzParseRLE: whatever is accepted covers the mask and survives a round trip.
func FuzzParseRLE(f *testing.F) {
	f.Add(uint16(3), uint16(4), "321")
	f.Add(uint16(478), uint16(640), "VQi31m>0O2N100O100O2N100O10001N101O1N2O1O2M2O1O1N3N1O1N2O2N1N2O1O1N3N1O1N2O2N")
	f.Fuzz(func(t *testing.T, height, width uint16, counts string) {
		r, err := ParseRLE(int(height), int(width), counts)
		if err != nil {
			return
		}
		again, err := ParseRLE(r.Height, r.Width, r.Compress())
		if err != nil || !slices.Equal(again.Counts, r.Counts) {
			t.Errorf("%v became %v, %v", r.Counts, again.Counts, err)
		}
		r.Box()
		if got := RLEIoU([]RLE{r}, []RLE{r}, nil)[0]; got != 0 && got != 1 {
			t.Errorf("IoU of %v with itself is %v", r.Counts, got)
		}
		if int(height)*int(width) > 1e6 {
			return
		}
		m, err := r.Decode()
		if err != nil {
			t.Fatal(err)
		}
		var inside uint32
		for _, p := range m.Pix {
			inside += uint32(p)
		}
		if inside != r.Area() {
			t.Errorf("area %d, the mask has %d pixels", r.Area(), inside)
		}
	})
}

func ExampleRLE() {
	m := NewMask(3, 4)
	copy(m.Pix, []byte{
		0, 1, 0, 0,
		0, 1, 0, 0,
		0, 0, 0, 1,
	})
	r, _ := EncodeMask(m)
	fmt.Println(r.Counts, r.Compress(), r.Area(), r.Box())
	// Output: [3 2 6 1] 326O 3 [1 0 3 3]
}
