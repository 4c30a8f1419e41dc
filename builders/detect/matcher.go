package detect

import (
	"pmx/onnxgraph"
	"pmx/onnxgraph/op"
)

// Matcher gives each box the object that it overlaps most, and says by how much it
// does whether it counts as that object, as background or not at all (detectron2's
// Matcher; arXiv 1506.01497, section 3.1.2).
type Matcher struct {
	Background float64 // an overlap below this is background
	Foreground float64 // from this on it is foreground
	// BestOfObject makes each object's best boxes foreground as well, all that share
	// its largest overlap, if they touch it at all. They keep the object that they
	// overlap most themselves.
	BestOfObject bool
}

// The matchers of anchors and of regions.
var (
	AnchorMatcher = Matcher{Background: 0.3, Foreground: 0.7, BestOfObject: true}
	RegionMatcher = Matcher{Background: 0.5, Foreground: 0.5}
)

// Match is what a Matcher says of A boxes of N images.
type Match struct {
	Object                 *onnxgraph.Value // int64 [N A], the first of several equally good ones
	Foreground, Background *onnxgraph.Value // bool [N A]
}

// Match matches by iou [N G A]. present, bool [N G], tells which objects there are: the
// boxes of an image without any are background.
func (m Matcher) Match(iou, present *onnxgraph.Value) Match {
	number := func(v float64) *onnxgraph.Value { return op.Scalar(iou, v) }
	iou = op.Where(op.Unsqueeze(present, 2), iou, number(-1))
	best := op.ReduceMax(iou, false, 1)
	out := Match{
		Object:     op.ArgMax(iou, 1, false),
		Foreground: op.GreaterOrEqual(best, number(m.Foreground)),
		Background: op.Less(best, number(m.Background)),
	}
	if m.BestOfObject {
		most := op.ReduceMax(iou, true, 2) // [N G 1]
		hits := op.And(op.Equal(iou, most), op.Greater(most, number(0)))
		chosen := op.Greater(op.ReduceMax(op.Cast(hits, iou.DType), false, 1), number(0))
		out.Foreground = op.Or(out.Foreground, chosen)
		out.Background = op.And(out.Background, op.Not(chosen))
	}
	return out
}
