package detection

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"pmx/images"
	"pmx/internal/recording"
	"pmx/internal/require"
)

// cocoTrain opens the sample of COCO beside the project.
func cocoTrain(t *testing.T) *Dataset {
	t.Helper()
	folder := filepath.Join("..", "..", "shared", "data", "coco_train")
	if _, err := os.Stat(folder); err != nil {
		require.Missing(t, "the sample of COCO in ../shared/data/coco_train")
	}
	source, err := Open(context.Background(), "coco:"+filepath.Join(folder, "instances.json")+","+filepath.Join(folder, "images"))
	if err != nil {
		t.Fatal(err)
	}
	return source.Train
}

// recordedImage is what a recording of detectron2 has of a picture.
type recordedImage struct {
	ID            int64    `json:"image_id"`
	Size          [2]int   // height, width
	OriginalSize  [2]int   `json:"original_size"`
	AnnotationIDs []int64  `json:"annotation_ids"`
	Masks         []string `json:"gt_masks"`
	Detections    []struct{ RLE string }
}

func recordedImages(t *testing.T, name string) []recordedImage {
	t.Helper()
	text, err := os.ReadFile(recording.Glob(t, "detection/"+name+".json")[0])
	if err != nil {
		t.Fatal(err)
	}
	var file struct{ Images []recordedImage }
	if err := json.Unmarshal(text, &file); err != nil {
		t.Fatal(err)
	}
	return file.Images
}

// TestTargetsRecorded: the pixels, boxes and masks of detectron2, bit for bit.
func TestTargetsRecorded(t *testing.T) {
	data := cocoTrain(t)
	for _, name := range []string{"vitdet", "taps"} {
		f := recording.Open(t, "detection/"+name+".safetensors")
		for i, want := range recordedImages(t, name) {
			at := slices.IndexFunc(data.Pictures, func(p Picture) bool { return p.ID == want.ID })
			if at < 0 {
				t.Fatalf("%s: there is no picture %d", name, want.ID)
			}
			img := new(images.Image)
			if _, err := data.Sample(context.Background(), at, img); err != nil {
				t.Fatal(err)
			}
			got, target, err := Fit(128).Apply(img, &data.Pictures[at], images.NewRand(1, 0, 0, 0), new(Workspace))
			if err != nil {
				t.Fatal(err)
			}
			if target.H != want.Size[0] || target.W != want.Size[1] {
				t.Errorf("%s, picture %d: %dx%d, want %v", name, want.ID, target.H, target.W, want.Size)
				continue
			}
			prefix := string(rune('0' + i))
			if wantPix := interleaved(f.Bytes(t, "image/"+prefix)); !bytes.Equal(got.Pix, wantPix) {
				t.Errorf("%s, picture %d: other pixels", name, want.ID)
			}
			boxes, recorded := f.Floats(t, "gt/"+prefix+"/boxes"), 0
			for k, box := range target.Boxes {
				j := slices.Index(want.AnnotationIDs, target.IDs[k])
				if j < 0 { // the recording leaves the smallest out
					if min(box[2]-box[0], box[3]-box[1]) >= 3 {
						t.Errorf("%s, annotation %d: box %v, want none", name, target.IDs[k], box)
					}
					continue
				}
				recorded++
				if wantBox := boxes[4*j:][:4]; !slices.Equal(box[:], wantBox) {
					t.Errorf("%s, annotation %d: box %v, want %v", name, target.IDs[k], box, wantBox)
				}
				if mask := target.Masks[k].Compress(); mask != want.Masks[j] {
					t.Errorf("%s, annotation %d: mask %s, want %s", name, target.IDs[k], mask, want.Masks[j])
				}
			}
			if recorded != len(want.AnnotationIDs) {
				t.Errorf("%s, picture %d: %d of %d recorded annotations", name, want.ID, recorded, len(want.AnnotationIDs))
			}
		}
	}
}

// interleaved turns planes [3 h*w] into pixels.
func interleaved(planes []byte) []byte {
	n := len(planes) / 3
	pix := make([]byte, 0, len(planes))
	for i := range n {
		pix = append(pix, planes[i], planes[n+i], planes[2*n+i])
	}
	return pix
}
