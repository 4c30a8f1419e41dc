package detect

import (
	"math"

	"pmx/onnxgraph"
	"pmx/onnxgraph/op"
)

// AnchorLevel is the anchors of one level of a pyramid.
type AnchorLevel struct {
	Height, Width int     // positions of the level's map
	Stride        int     // pixels from one position to the next
	Size          float64 // side of a square of the anchors' area, pixels
}

// Anchors gives each level's anchors, [Height·Width·ratios 4]: at every position, row
// by row, one box of each ratio height/width, of area Size², around (column, row) ·
// Stride. The file holds the levels' rows, columns and shapes; sessions add them up
// once. (detectron2's DefaultAnchorGenerator with offset 0)
func Anchors(g *onnxgraph.Graph, levels []AnchorLevel, ratios []float64) []*onnxgraph.Value {
	out := make([]*onnxgraph.Value, len(levels))
	for i, l := range levels {
		shapes := make([]float32, 0, 4*len(ratios))
		for _, ratio := range ratios {
			width := math.Sqrt(l.Size * l.Size / ratio)
			height := ratio * width
			shapes = append(shapes, float32(-width/2), float32(-height/2), float32(width/2), float32(height/2))
		}
		rows, columns := make([]float32, 4*l.Height), make([]float32, 4*l.Width)
		for y := range l.Height {
			rows[4*y+1], rows[4*y+3] = float32(y*l.Stride), float32(y*l.Stride)
		}
		for x := range l.Width {
			columns[4*x], columns[4*x+2] = float32(x*l.Stride), float32(x*l.Stride)
		}
		centres := op.Add(g.Const(onnxgraph.NewTensor([]int{l.Height, 1, 1, 4}, rows)), g.Const(onnxgraph.NewTensor([]int{l.Width, 1, 4}, columns)))
		out[i] = op.Reshape(op.Add(centres, g.Const(onnxgraph.NewTensor([]int{len(ratios), 4}, shapes))), -1, 4)
	}
	return out
}
