package detect_test

import (
	"encoding/json"
	"os"
	"slices"
	"testing"

	"pmx/builders/detect"
	"pmx/detection/coco"
	"pmx/internal/numtest"
	"pmx/onnxgraph"
	"pmx/onnxgraph/op"
	"pmx/runtimes/runtimetest"
)

// The tests of this file compare each part with what detectron2 recorded for it in
// detection/ops of the fixtures.
const recordedParts = "detection/ops.safetensors"

// part is a graph under test: recorded tensors go in, and recorded ones are expected.
type part struct {
	in   map[string]*onnxgraph.Tensor
	make func(g *onnxgraph.Graph, in map[string]*onnxgraph.Value) map[string]*onnxgraph.Value
	want map[string]*onnxgraph.Tensor
	// tolerance is of the largest entry, 0 for equal ones.
	tolerance float64
}

func (p part) run(t *testing.T) {
	t.Helper()
	g, err := onnxgraph.Build("part", func(g *onnxgraph.Graph) {
		in := map[string]*onnxgraph.Value{}
		for name, tensor := range p.in {
			in[name] = g.Input(name, tensor.DType(), tensor.Shape()...)
		}
		for name, v := range p.make(g, in) {
			if v.DType == onnxgraph.Bool {
				v = op.Cast(v, onnxgraph.Int64)
			}
			g.Output(name, v)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	runtimetest.Everywhere(t, g, p.in, func(t *testing.T, got map[string]*onnxgraph.Tensor) {
		for name, want := range p.want {
			if err := numtest.Compare(got[name].Float64s(), want.Float64s(), p.tolerance); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
}

// batch is a recorded tensor as that of a batch of one image.
func batch(t *onnxgraph.Tensor) *onnxgraph.Tensor {
	return t.WithShape(append([]int{1}, t.Shape()...))
}

func summed() float64 { return numtest.Tolerance("float", numtest.Summed) }

func TestAnchors(t *testing.T) {
	recorded := runtimetest.Recorded(t, recordedParts)
	var levels []detect.AnchorLevel
	for i, grid := range [][2]int{{16, 24}, {8, 12}, {4, 6}, {2, 3}, {1, 2}} {
		levels = append(levels, detect.AnchorLevel{Height: grid[0], Width: grid[1], Stride: 4 << i, Size: float64(int(32) << i)})
	}
	names := []string{"p2", "p3", "p4", "p5", "p6"}
	// The binding of ONNX Runtime runs no graph without inputs.
	p := part{in: map[string]*onnxgraph.Tensor{"zero": onnxgraph.NewTensor([]int{1}, []float32{0})}, want: map[string]*onnxgraph.Tensor{}}
	for _, name := range names {
		p.want[name] = recorded["anchors/"+name]
	}
	p.make = func(g *onnxgraph.Graph, in map[string]*onnxgraph.Value) map[string]*onnxgraph.Value {
		out := map[string]*onnxgraph.Value{}
		for i, v := range detect.Anchors(g, levels, []float64{0.5, 1, 2}) {
			out[names[i]] = op.Add(v, in["zero"])
		}
		return out
	}
	p.tolerance = numtest.Tolerance("float", numtest.Pointwise)
	p.run(t)
}

func TestBoxCoder(t *testing.T) {
	recorded := runtimetest.Recorded(t, recordedParts)
	for name, coder := range map[string]detect.BoxCoder{"rpn": detect.AnchorCoder, "roi": detect.RegionCoder} {
		t.Run(name, func(t *testing.T) {
			part{
				in: map[string]*onnxgraph.Tensor{
					"source": recorded["coder/source"], "target": recorded["coder/target"],
					"wild": recorded["coder/"+name+"/wild"].WithShape([]int{40, 2, 4}),
				},
				make: func(_ *onnxgraph.Graph, in map[string]*onnxgraph.Value) map[string]*onnxgraph.Value {
					return map[string]*onnxgraph.Value{
						"deltas":  coder.Encode(in["source"], in["target"]),
						"decoded": coder.Decode(in["wild"], op.Unsqueeze(in["source"], 1)),
					}
				},
				want: map[string]*onnxgraph.Tensor{
					"deltas": recorded["coder/"+name+"/deltas"], "decoded": recorded["coder/"+name+"/decoded"],
				},
				tolerance: summed(),
			}.run(t)
		})
	}
}

func TestMatcher(t *testing.T) {
	recorded := runtimetest.Recorded(t, recordedParts)
	for name, matcher := range map[string]detect.Matcher{"rpn": detect.AnchorMatcher, "roi": detect.RegionMatcher} {
		t.Run(name, func(t *testing.T) {
			labels := recorded["match/"+name+"_labels"].Float64s()
			foreground, background := make([]float32, len(labels)), make([]float32, len(labels))
			for i, v := range labels {
				foreground[i], background[i] = float32(max(v, 0)), float32(1-v*v)
			}
			shape := []int{1, len(labels)}
			part{
				in: map[string]*onnxgraph.Tensor{
					"objects": batch(recorded["match/gt"]), "boxes": batch(recorded["match/candidates"]),
				},
				make: func(g *onnxgraph.Graph, in map[string]*onnxgraph.Value) map[string]*onnxgraph.Value {
					iou := detect.IoU(in["objects"], in["boxes"])
					m := matcher.Match(iou, g.Const(onnxgraph.NewTensor([]int{1, 4}, []bool{true, true, true, true})))
					return map[string]*onnxgraph.Value{"iou": iou, "object": m.Object, "foreground": m.Foreground, "background": m.Background}
				},
				want: map[string]*onnxgraph.Tensor{
					"iou": batch(recorded["match/iou"]), "object": batch(recorded["match/"+name+"_gt"]),
					"foreground": onnxgraph.NewTensor(shape, foreground), "background": onnxgraph.NewTensor(shape, background),
				},
				tolerance: numtest.Tolerance("float", numtest.Pointwise),
			}.run(t)
		})
	}
}

func TestLevels(t *testing.T) {
	recorded := runtimetest.Recorded(t, recordedParts)
	levels := detect.Levels{Lowest: 2, Highest: 5, CanonicalLevel: 4, Canonical: 224}
	part{
		in: map[string]*onnxgraph.Tensor{"boxes": recorded["levels/boxes"]},
		make: func(_ *onnxgraph.Graph, in map[string]*onnxgraph.Value) map[string]*onnxgraph.Value {
			return map[string]*onnxgraph.Value{"level": levels.Of(in["boxes"])}
		},
		want: map[string]*onnxgraph.Tensor{"level": recorded["levels/level"]},
	}.run(t)
}

// pasted are the recorded pictures of pasted masks, [6 1 height width].
func pasted(t *testing.T) *onnxgraph.Tensor {
	t.Helper()
	raw, err := os.ReadFile("../../../shared/fixtures/detection/ops.json")
	if err != nil {
		t.Fatal(err)
	}
	var settings struct {
		Paste struct {
			Height, Width int
			RLE           []string
		}
	}
	if err := json.Unmarshal(raw, &settings); err != nil {
		t.Fatal(err)
	}
	height, width := settings.Paste.Height, settings.Paste.Width
	out := make([]float32, 0, len(settings.Paste.RLE)*height*width)
	for _, counts := range settings.Paste.RLE {
		rle, err := coco.ParseRLE(height, width, counts)
		if err != nil {
			t.Fatal(err)
		}
		mask, err := rle.Decode()
		if err != nil {
			t.Fatal(err)
		}
		for _, pixel := range mask.Pix {
			out = append(out, float32(pixel))
		}
	}
	return onnxgraph.NewTensor([]int{len(settings.Paste.RLE), 1, height, width}, out)
}

func TestPasteMasks(t *testing.T) {
	recorded := runtimetest.Recorded(t, recordedParts)
	want := pasted(t)
	size := want.Shape()[2:]
	part{
		in: map[string]*onnxgraph.Tensor{
			"masks": recorded["paste/masks"], "boxes": recorded["paste/boxes"],
			"size": onnxgraph.NewTensor([]int{2}, size.Int64()),
		},
		make: func(_ *onnxgraph.Graph, in map[string]*onnxgraph.Value) map[string]*onnxgraph.Value {
			y := detect.PasteMasks(in["masks"], in["boxes"], in["size"])
			return map[string]*onnxgraph.Value{"pixels": op.GreaterOrEqual(y, op.Scalar(y, 0.5))}
		},
		want: map[string]*onnxgraph.Tensor{"pixels": want},
	}.run(t)
}

// TestMaskTargets gives the first four pasted masks as the objects of two images, in
// another order than that of the regions.
func TestMaskTargets(t *testing.T) {
	recorded := runtimetest.Recorded(t, recordedParts)
	want := pasted(t)
	pixels := want.Shape()[2:].Size()
	masks := onnxgraph.Data[float32](want)
	mask := func(i int) []float32 { return masks[i*pixels : (i+1)*pixels] }
	objects := slices.Concat(mask(1), mask(0), mask(2), mask(3))
	part{
		in: map[string]*onnxgraph.Tensor{
			"masks":  onnxgraph.NewTensor([]int{4, 1, want.Shape()[2], want.Shape()[3]}, objects),
			"boxes":  recorded["mask_target/boxes"].WithShape([]int{2, 2, 4}),
			"object": onnxgraph.NewTensor([]int{2, 2}, []int64{1, 0, 0, 1}),
		},
		make: func(_ *onnxgraph.Graph, in map[string]*onnxgraph.Value) map[string]*onnxgraph.Value {
			return map[string]*onnxgraph.Value{"targets": detect.MaskTargets(in["masks"], in["boxes"], in["object"], 28)}
		},
		want: map[string]*onnxgraph.Tensor{"targets": recorded["mask_target/targets"]},
	}.run(t)
}
