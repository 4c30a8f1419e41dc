package detect_test

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"pmx/builders/detect"
	"pmx/onnxgraph"
	"pmx/runtimes/runtimetest"
)

// TestDetectionsRecorded compares what the untrained detectors find with what
// detectron2's find: classes equal, boxes to 1e-3 pixels, scores and masks to 1e-4.
func TestDetectionsRecorded(t *testing.T) {
	for _, name := range recordedModels {
		t.Run(name, func(t *testing.T) {
			m := readModel(t, name)
			weights := map[string]*onnxgraph.Tensor{}
			for name, w := range m.tensors {
				if of, ok := strings.CutPrefix(name, "param/"); ok {
					weights[of] = w
				}
			}
			model, err := detect.InferenceModel(m.config, weights, len(m.raw.Images))
			if err != nil {
				t.Fatal(err)
			}
			feeds := m.feeds(t)
			feeds = map[string]*onnxgraph.Tensor{detect.ImageFeed: m.images, detect.SizesFeed: feeds[detect.SizesFeed]}
			runtimetest.Everywhere(t, model.Graph, feeds, func(t *testing.T, got map[string]*onnxgraph.Tensor) { m.checkDetections(t, got) })
		})
	}
}

func (m *recordedModel) checkDetections(t *testing.T, got map[string]*onnxgraph.Tensor) {
	images := len(m.raw.Images)
	for i := range images {
		for name, within := range map[string]float64{
			detect.DetectedBoxes: 1e-3, detect.DetectedScores: 1e-4, detect.DetectedClasses: 0, detect.DetectedMasks: 1e-4,
		} {
			want := m.tensors[fmt.Sprintf("detect/%d/%s", i, name)].Float64s()
			all := got[name].Float64s()
			have := all[i*len(all)/images : (i+1)*len(all)/images][:len(want)]
			for k, v := range have {
				if !(math.Abs(v-want[k]) <= within) {
					t.Errorf("%s of image %d: element %d is %.8g, want %.8g", name, i, k, v, want[k])
					break
				}
			}
		}
		found := m.tensors[fmt.Sprintf("detect/%d/scores", i)].Shape()[0]
		if count := onnxgraph.Data[int64](got[detect.DetectedCount])[i]; count != int64(found) {
			t.Errorf("%d detections in image %d, want %d", count, i, found)
		}
	}
}
