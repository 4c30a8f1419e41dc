package detection

import (
	"bytes"
	"context"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"pmx/detection/coco"
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

// TestInstancesRecorded: detections of the network's size become detectron2's of the
// picture's size, boxes and pasted masks.
func TestInstancesRecorded(t *testing.T) {
	data := cocoTrain(t)
	for _, name := range []string{"vitdet", "taps"} {
		f := recording.Open(t, "detection/"+name+".safetensors")
		var indices []int
		recorded := recordedImages(t, name)
		for _, want := range recorded {
			indices = append(indices, slices.IndexFunc(data.Pictures, func(p Picture) bool { return p.ID == want.ID }))
		}
		i := 0
		for b, err := range EvalBatches(t.Context(), data.subset("recorded", indices), EvalConfig{Size: 128, Batch: 2}) {
			if err != nil {
				t.Fatal(err)
			}
			for item := range b.Pictures {
				want, prefix := recorded[i], "detect/"+string(rune('0'+i))+"/"
				i++
				if b.Scaled[item] != want.Size || b.Original[item] != want.OriginalSize {
					t.Errorf("%s, picture %d: %v of %v, want %v of %v", name, want.ID, b.Scaled[item], b.Original[item], want.Size, want.OriginalSize)
				}
				found := Detected{Scores: f.Floats(t, prefix+"scores"), Classes: make([]int, len(want.Detections)), Masks: f.Floats(t, prefix+"masks"), MaskSide: 28}
				for box := range slices.Chunk(f.Floats(t, prefix+"boxes"), 4) {
					found.Boxes = append(found.Boxes, [4]float32(box))
				}
				got, err := b.Instances(item, found, data.Categories)
				if err != nil {
					t.Fatal(err)
				}
				if got.Len() != len(want.Detections) {
					t.Fatalf("%s, picture %d: %d instances, want %d", name, want.ID, got.Len(), len(want.Detections))
				}
				boxes := f.Floats(t, prefix+"original_boxes")
				for k, box := range got.Boxes {
					for c, v := range box {
						if math.Abs(v-float64(boxes[4*k+c])) > 1e-4 {
							t.Errorf("%s, picture %d, instance %d: box %v, want %v", name, want.ID, k, box, boxes[4*k:][:4])
							break
						}
					}
					recorded, err := coco.ParseRLE(want.OriginalSize[0], want.OriginalSize[1], want.Detections[k].RLE)
					if err != nil {
						t.Fatal(err)
					}
					if n := differing(t, got.Masks[k], recorded); n > 1 {
						t.Errorf("%s, picture %d, instance %d: %d pixels of the mask differ", name, want.ID, k, n)
					}
				}
			}
		}
		if i != len(recorded) {
			t.Errorf("%s: %d pictures in the batches, want %d", name, i, len(recorded))
		}
	}
}

// differing counts the pixels in which two masks differ.
func differing(t *testing.T, a, b coco.RLE) int {
	t.Helper()
	pa, err := a.Decode()
	if err != nil {
		t.Fatal(err)
	}
	pb, err := b.Decode()
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for i := range pa.Pix {
		if pa.Pix[i] != pb.Pix[i] {
			n++
		}
	}
	return n
}
