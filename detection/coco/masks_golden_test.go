package coco

import (
	"encoding/json"
	"os"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// maskVectors is what testdata/record_masks.py recorded from pycocotools.
type maskVectors struct {
	Masks []struct {
		Size    [2]int `json:"size"` // height, width
		Objects []struct {
			Polygons []Polygon `json:"polygons"` // or
			Runs     []uint32  `json:"runs"`
			Counts   string    `json:"counts"`
			Area     uint32    `json:"area"`
			Box      XYWH      `json:"box"`
		} `json:"objects"`
		Union        string      `json:"union"`
		Intersection string      `json:"intersection"`
		Crowd        []int       `json:"crowd"`
		IoU          [][]float64 `json:"iou"`
		IoUCrowd     [][]float64 `json:"iou_crowd"`
	} `json:"masks"`
	Boxes []struct {
		Dt    []XYWH      `json:"dt"`
		Gt    []XYWH      `json:"gt"`
		Crowd []int       `json:"crowd"`
		IoU   [][]float64 `json:"iou"`
	} `json:"boxes"`
}

// loadMaskVectors reads the recorded vectors, or those of the file that
// PMX_MASK_VECTORS names.
func loadMaskVectors(t *testing.T) (v maskVectors) {
	t.Helper()
	path := os.Getenv("PMX_MASK_VECTORS")
	if path == "" {
		path = "testdata/masks.json"
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, &v); err != nil {
		t.Fatal(err)
	}
	if len(v.Masks) == 0 || len(v.Boxes) == 0 {
		t.Fatalf("%s holds no vectors", path)
	}
	return v
}

// TestMasksEqualPycocotools compares every mask operation with the recorded
// result, bit for bit.
func TestMasksEqualPycocotools(t *testing.T) {
	vectors := loadMaskVectors(t)
	for i, c := range vectors.Masks {
		h, w := c.Size[0], c.Size[1]
		var masks []RLE
		for j, o := range c.Objects {
			got := RLE{Height: h, Width: w, Counts: o.Runs}
			if o.Polygons != nil {
				var err error
				if got, err = PolygonRLE(h, w, o.Polygons...); err != nil {
					t.Fatalf("case %d object %d: %v", i, j, err)
				}
			}
			if got.Compress() != o.Counts {
				want, _ := ParseRLE(h, w, o.Counts)
				t.Errorf("case %d object %d (%dx%d): runs %v, pycocotools has %v", i, j, h, w, got.Counts, want.Counts)
			}
			parsed, err := ParseRLE(h, w, o.Counts)
			if err != nil || !slices.Equal(parsed.Counts, got.Counts) {
				t.Errorf("case %d object %d: parsing its string gives %v, %v", i, j, parsed.Counts, err)
			}
			if got.Area() != o.Area || got.Box() != o.Box {
				t.Errorf("case %d object %d: area %d, box %v; pycocotools has %d, %v", i, j, got.Area(), got.Box(), o.Area, o.Box)
			}
			mask, err := got.Decode()
			if err != nil {
				t.Fatalf("case %d object %d: %v", i, j, err)
			}
			if o.Runs != nil {
				if again, err := EncodeMask(mask); err != nil || !slices.Equal(again.Counts, o.Runs) {
					t.Errorf("case %d object %d: encoding the decoded mask gives %v, %v", i, j, again.Counts, err)
				}
			}
			masks = append(masks, got)
		}
		if got, err := Union(masks...); err != nil || got.Compress() != c.Union {
			t.Errorf("case %d: union %v, %v", i, got, err)
		}
		if got, err := Intersection(masks...); err != nil || got.Compress() != c.Intersection {
			t.Errorf("case %d: intersection %v, %v", i, got, err)
		}
		if diff := cmp.Diff(slices.Concat(c.IoU...), RLEIoU(masks, masks, nil)); diff != "" {
			t.Errorf("case %d: IoU (-pycocotools +got):\n%s", i, diff)
		}
		if diff := cmp.Diff(slices.Concat(c.IoUCrowd...), RLEIoU(masks, masks, flags(c.Crowd))); diff != "" {
			t.Errorf("case %d: IoU with crowd (-pycocotools +got):\n%s", i, diff)
		}
	}
}

func TestBoxIoUEqualsPycocotools(t *testing.T) {
	for i, c := range loadMaskVectors(t).Boxes {
		if diff := cmp.Diff(slices.Concat(c.IoU...), BoxIoU(c.Dt, c.Gt, flags(c.Crowd))); diff != "" {
			t.Errorf("case %d (-pycocotools +got):\n%s", i, diff)
		}
	}
}

func flags(bits []int) (out []bool) {
	for _, b := range bits {
		out = append(out, b != 0)
	}
	return out
}
