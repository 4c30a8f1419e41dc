package op

import (
	"cmp"
	"fmt"
	"slices"

	"pmx/onnxgraph"
)

// NonMaxSuppression chooses boxes [B N 4], corners y1 x1 y2 x2 or, as their overlap
// does not tell axes apart, x1 y1 x2 y2, by scores [B C N]: in each image and for each
// class, best first, up to limit boxes whose score is above scoreThreshold and whose
// intersection over union with each box chosen before is at most iouThreshold. The
// result [n 3], int64, lists image, class and box; n is known when the model runs.
//
// The thresholds are constants: the CUDA provider reads them from main memory. The
// decisions are those of float32, also on Eval, so that overlaps of exactly the
// threshold stay.
// https://onnx.ai/onnx/operators/onnx__NonMaxSuppression.html
func NonMaxSuppression(boxes, scores *onnxgraph.Value, limit int, iouThreshold, scoreThreshold float64) *onnxgraph.Value {
	threshold := func(v float64) *onnxgraph.Value {
		return boxes.Graph().Const(onnxgraph.NewTensor([]int{1}, []float32{float32(v)}))
	}
	return onnxgraph.Apply("NonMaxSuppression", nil, boxes, scores, Ints(boxes, limit), threshold(iouThreshold), threshold(scoreThreshold))
}

var _ = onnxgraph.Register(onnxgraph.OpSchema{
	Name: "NonMaxSuppression", SinceVersion: 11,
	Inputs:  []string{"boxes", "scores", "max_output_boxes_per_class?", "iou_threshold?", "score_threshold?"},
	Outputs: []string{"selected_indices"},
	Infer: func(n *onnxgraph.Node) ([]onnxgraph.Type, error) {
		boxes, scores := n.Inputs[0], n.Inputs[1]
		if !boxes.DType.IsFloat() || !scores.DType.IsFloat() || boxes.Rank() != 3 || scores.Rank() != 3 || !boxes.Shape[2:].Fits(onnxgraph.Shape{4}) ||
			!boxes.Shape[:1].Fits(scores.Shape[:1]) || !boxes.Shape[1:2].Fits(scores.Shape[2:]) {
			return nil, fmt.Errorf("want floats boxes [B N 4] and scores [B C N]")
		}
		for i, v := range n.Inputs[2:] {
			switch one := v == nil || v.Rank() == 0 || v.Shape.Fits(onnxgraph.Shape{1}); {
			case !one:
				return nil, fmt.Errorf("input %s is %v, want one number", formal(n, i+2), v.Shape)
			case v != nil && i == 0 && v.DType != onnxgraph.Int64:
				return nil, fmt.Errorf("input %s is of type %v, want int64", formal(n, i+2), v.DType)
			case v != nil && i > 0 && !v.DType.IsFloat():
				return nil, fmt.Errorf("input %s is of type %v, want a float", formal(n, i+2), v.DType)
			}
		}
		if c := n.Attributes.Int("center_point_box", 0); c != 0 && c != 1 {
			return nil, fmt.Errorf("center_point_box is %d, want 0 or 1", c)
		}
		return []onnxgraph.Type{{DType: onnxgraph.Int64, Shape: onnxgraph.Shape{onnxgraph.Dynamic, 3}}}, nil
	},
	Grad: onnxgraph.ZeroGradient("positions are constant almost everywhere"),
	Eval: func(n *onnxgraph.Node, in []*onnxgraph.Tensor) ([]*onnxgraph.Tensor, error) {
		given := func(i int) bool { return i < len(in) && in[i] != nil }
		s := suppression{limit: 0}
		if given(2) {
			s.limit = toInts(in[2])[0]
		}
		if given(3) {
			s.overlap = float32(in[3].Float64s()[0])
		}
		if s.scored = given(4); s.scored {
			s.least = float32(in[4].Float64s()[0])
		}
		if s.overlap < 0 || s.overlap > 1 {
			return nil, fmt.Errorf("iou_threshold is %g, want 0 to 1", s.overlap)
		}
		shape := in[1].Shape()
		images, classes, count := shape[0], shape[1], shape[2]
		boxes := cornersOf(in[0].Float64s(), n.Attributes.Int("center_point_box", 0) == 1)
		scores := narrowed(in[1].Float64s())
		var selected []int64
		for i := range images * classes {
			image := i / classes
			for _, at := range s.choose(boxes[image*count:(image+1)*count], scores[i*count:(i+1)*count]) {
				selected = append(selected, int64(image), int64(i%classes), int64(at))
			}
		}
		return one(onnxgraph.NewTensor([]int{len(selected) / 3, 3}, selected))
	},
})

// suppression is what NonMaxSuppression does to the boxes of one image and class.
type suppression struct {
	limit          int
	overlap, least float32
	scored         bool // whether there is a least score
}

// choose lists the positions of the boxes that stay, best first; of equal scores the
// first comes first.
func (s suppression) choose(boxes []corners, scores []float32) []int {
	var order []int
	for i, v := range scores {
		if !s.scored || v > s.least {
			order = append(order, i)
		}
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(scores[b], scores[a]) })
	var chosen []int
	for _, at := range order {
		if len(chosen) >= s.limit {
			break
		}
		if !slices.ContainsFunc(chosen, func(other int) bool { return boxes[at].overlap(boxes[other]) > s.overlap }) {
			chosen = append(chosen, at)
		}
	}
	return chosen
}

// corners are the lower and the upper ends of a box along its two axes.
type corners [4]float32

// cornersOf reads boxes as any two opposite corners or as centre and size.
func cornersOf(v []float64, centred bool) []corners {
	out := make([]corners, len(v)/4)
	for i, b := range slices.Collect(slices.Chunk(narrowed(v), 4)) {
		if centred {
			b = []float32{b[0] - b[2]/2, b[1] - b[3]/2, b[0] + b[2]/2, b[1] + b[3]/2}
		}
		out[i] = corners{min(b[0], b[2]), min(b[1], b[3]), max(b[0], b[2]), max(b[1], b[3])}
	}
	return out
}

func (a corners) area() float32 { return (a[2] - a[0]) * (a[3] - a[1]) }

// overlap is the intersection over union, 0 where a box is empty.
func (a corners) overlap(b corners) float32 {
	height, width := min(a[2], b[2])-max(a[0], b[0]), min(a[3], b[3])-max(a[1], b[1])
	if height <= 0 || width <= 0 {
		return 0
	}
	both := height * width
	return both / (a.area() + b.area() - both)
}

func narrowed(v []float64) []float32 {
	return mapSlice(v, func(x float64) float32 { return float32(x) })
}
