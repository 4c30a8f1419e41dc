package op_test

import (
	"math"
	"slices"
	"testing"

	"pmx/internal/numtest"
	"pmx/onnxgraph"
	"pmx/onnxgraph/gradcheck"
	"pmx/onnxgraph/op"
	"pmx/runtimes/runtimetest"
)

func relativeAttention(heads int) func([]*onnxgraph.Value) []*onnxgraph.Value {
	return func(x []*onnxgraph.Value) []*onnxgraph.Value {
		return []*onnxgraph.Value{op.RelativeAttention(x[0], x[1], x[2], heads)}
	}
}

var _ = gradcheck.Add("pmx.RelativeAttention",
	gradcheck.Case{Name: "a square", Fn: relativeAttention(2), Shapes: [][]int{{2, 9, 18}, {5, 3}, {5, 3}}},
	gradcheck.Case{Name: "two rows of three", Fn: relativeAttention(3), Shapes: [][]int{{1, 6, 18}, {3, 2}, {5, 2}}},
	gradcheck.Case{Name: "one token", Fn: relativeAttention(1), Shapes: [][]int{{3, 1, 12}, {1, 4}, {1, 4}}},
)

// TestRelativeAttention: without vectors of distances it is Attention.
func TestRelativeAttention(t *testing.T) {
	qkv := random(1, 2, 6, 3*3*4)
	none := func(n int) *onnxgraph.Tensor { return onnxgraph.Zeros(onnxgraph.Float64, []int{n, 4}) }
	want := evaluate(t, attention(op.Attention, 3), qkv)[0]
	same(t, "without distances", evaluate(t, relativeAttention(3), qkv, none(3), none(5))[0], want)
}

// TestRelativeAttentionRecorded takes the recorded queries of three heads with keys of
// zeros, so that the weights are the softmax of what detectron2 adds to the scores.
// The values are such that image i gets the weights of keys 4i to 4i+3.
func TestRelativeAttentionRecorded(t *testing.T) {
	const heads, tokens, width, images = 3, 25, 4, 7
	recorded := runtimetest.Recorded(t, recordedOperators)
	q := onnxgraph.Data[float32](recorded["rel_pos/q"]) // [heads tokens width]
	qkv := make([]float32, images*tokens*3*heads*width)
	for i := range images {
		for token := range tokens {
			row := qkv[(i*tokens+token)*3*heads*width:][:3*heads*width]
			for head := range heads {
				copy(row[head*width:(head+1)*width], q[(head*tokens+token)*width:])
				if e := token - 4*i; e >= 0 && e < width {
					row[(2*heads+head)*width+e] = 1
				}
			}
		}
	}
	before, after := recorded["rel_pos/attn"].Float64s(), recorded["rel_pos/out"].Float64s()
	want := make([]float64, images*tokens*heads*width)
	for head := range heads {
		for token := range tokens {
			at := (head*tokens + token) * tokens
			weights, sum := make([]float64, images*width), 0.0
			for key := range tokens {
				weights[key] = math.Exp(after[at+key] - before[at+key])
				sum += weights[key]
			}
			for key, v := range weights {
				want[(key/width*tokens+token)*heads*width+head*width+key%width] = v / sum
			}
		}
	}
	feeds := map[string]*onnxgraph.Tensor{
		"qkv":    onnxgraph.NewTensor([]int{images, tokens, 3 * heads * width}, qkv),
		"alongY": recorded["rel_pos/h"], "alongX": recorded["rel_pos/w"],
	}
	g, err := onnxgraph.Build("relative", func(g *onnxgraph.Graph) {
		input := func(name string) *onnxgraph.Value {
			return g.Input(name, onnxgraph.Float32, slices.Clone(feeds[name].Shape())...)
		}
		g.Output("y", op.RelativeAttention(input("qkv"), input("alongY"), input("alongX"), heads))
	})
	if err != nil {
		t.Fatal(err)
	}
	runtimetest.Everywhere(t, g, feeds, func(t *testing.T, got map[string]*onnxgraph.Tensor) {
		if err := numtest.Compare(got["y"].Float64s(), want, numtest.Tolerance("float", numtest.Summed)); err != nil {
			t.Error(err)
		}
	})
}
