package detect_test

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"pmx/builders"
	"pmx/builders/detect"
	"pmx/internal/numtest"
	"pmx/onnxgraph"
	"pmx/runtimes/runtimetest"
)

// recordedModel is a whole detector that detectron2 recorded: its configuration, what
// was computed, and the images as the network sees them.
type recordedModel struct {
	config  detect.Config
	tensors map[string]*onnxgraph.Tensor
	images  *onnxgraph.Tensor // [N 3 H H]
	sizes   [][2]int          // height and width of each image inside the square
	raw     recordedJSON
}

// recordedJSON is what the tests read of a recording's description.
type recordedJSON struct {
	Images []struct {
		Size, OriginalSize [2]int
		GTMasks            []string `json:"gt_masks"`
		Detections         []struct{ RLE string }
	}
	Losses        map[string]float64
	Total         float64
	Optimizer     map[string][2]float64
	ZeroGradients []string `json:"zero_gradients"`
}

// recordedModels are the names of the recordings.
var recordedModels = []string{"vitdet", "taps"}

// readModel reads a recording and takes its configuration over, key by key.
func readModel(t *testing.T, name string) *recordedModel {
	t.Helper()
	m := &recordedModel{tensors: runtimetest.Recorded(t, "detection/"+name+".safetensors")}
	text, err := os.ReadFile("../../../shared/fixtures/detection/" + name + ".json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &m.raw); err != nil {
		t.Fatal(err)
	}
	var of struct {
		Config struct {
			detect.Config
			AnchorSizes [][]float64 `json:"anchor_sizes"`
		}
	}
	if err := json.Unmarshal(text, &of); err != nil {
		t.Fatal(err)
	}
	m.config = of.Config.Config
	m.config.AnchorSizes = slices.Concat(of.Config.AnchorSizes...)
	m.config.Batch, m.config.TapNorm, m.config.FPNNorm = len(m.raw.Images), true, detect.NormBatch
	if err := m.config.Validate(); err != nil {
		t.Fatal(err)
	}
	side := m.config.ImageSize
	pixels := make([]float32, m.config.Batch*3*side*side)
	mean, deviation := [3]float32{123.675, 116.28, 103.53}, [3]float32{58.395, 57.12, 57.375}
	for i := range m.raw.Images {
		image := m.tensors[fmt.Sprintf("image/%d", i)]
		height, width := image.Shape()[1], image.Shape()[2]
		m.sizes = append(m.sizes, [2]int{height, width})
		for k, v := range onnxgraph.Data[uint8](image) {
			c, y, x := k/(height*width), k/width%height, k%width
			pixels[((i*3+c)*side+y)*side+x] = (float32(v) - mean[c]) / deviation[c]
		}
	}
	m.images = onnxgraph.NewTensor([]int{m.config.Batch, 3, side, side}, pixels)
	return m
}

// params binds parameters to the recorded weights.
func (m *recordedModel) params(t *testing.T, g *onnxgraph.Graph) *builders.Params {
	return builders.NewParams(func(p *builders.Param) *onnxgraph.Value {
		w := m.tensors["param/"+p.Name]
		if w == nil || !w.Shape().Equal(p.Shape) {
			t.Fatalf("%s %v is recorded as %v", p.Name, p.Shape, w)
		}
		return g.NamedConst(p.Name, w)
	})
}

// TestPyramidRecorded compares the maps of both backbones with detectron2's, and the
// names of their parameters.
func TestPyramidRecorded(t *testing.T) {
	for _, name := range recordedModels {
		t.Run(name, func(t *testing.T) {
			m := readModel(t, name)
			g, err := onnxgraph.Build("pyramid", func(g *onnxgraph.Graph) {
				params := m.params(t, g)
				pyramid := detect.NewPyramid(params.Root(""), m.config)
				for name := range m.tensors {
					of, ok := strings.CutPrefix(name, "param/backbone.")
					if ok && !strings.Contains(of, ".running_") && !strings.HasSuffix(of, "num_batches_tracked") &&
						!slices.ContainsFunc(params.List(), func(p *builders.Param) bool { return p.Name == "backbone."+of }) {
						t.Errorf("no parameter backbone.%s", of)
					}
				}
				for i, v := range pyramid.Forward(g.Input("image", onnxgraph.Float32, m.images.Shape()...), builders.DropPath{}) {
					g.Output(fmt.Sprintf("p%d", i+2), v)
				}
			})
			if err != nil {
				t.Fatal(err)
			}
			runtimetest.Everywhere(t, g, map[string]*onnxgraph.Tensor{"image": m.images}, func(t *testing.T, got map[string]*onnxgraph.Tensor) {
				for level, y := range got {
					if err := numtest.Compare(y.Float64s(), m.tensors["act/"+level].Float64s(), numtest.Tolerance("float", numtest.Summed)); err != nil {
						t.Errorf("%s: %v", level, err)
					}
				}
			})
		})
	}
}
