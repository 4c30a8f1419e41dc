package detect

import (
	"pmx/onnxgraph"
	"pmx/onnxgraph/op"
)

// featureMap is a map [N C H W] of features, as it is or as rows, a pixel's channels in
// each: norms over channels and linear layers take rows, 3x3 convolutions and RoIAlign
// take the map. Each form is made where it is first asked for.
//
// Rows are in the order of a map of height by width whose pixels were halved a number
// of times, as transposed convolutions leave them: [N height width (2 2)... C].
type featureMap struct {
	height, width, halvings int
	rows, chw               *onnxgraph.Value // nil where not made
}

// mapOfRows is a map of rows [N·height·width C].
func mapOfRows(rows *onnxgraph.Value, height, width int) *featureMap {
	return &featureMap{height: height, width: width, rows: rows}
}

// mapOf is a map x [N C H W].
func mapOf(x *onnxgraph.Value) *featureMap {
	return &featureMap{height: x.Shape[2], width: x.Shape[3], chw: x}
}

// withRows is a map of the same pixels with other channels.
func (m *featureMap) withRows(rows *onnxgraph.Value) *featureMap {
	return &featureMap{height: m.height, width: m.width, halvings: m.halvings, rows: rows}
}

// channels is the number of channels.
func (m *featureMap) channels() int {
	if m.rows != nil {
		return m.rows.Shape[1]
	}
	return m.chw.Shape[1]
}

// Rows is the map as rows [N·pixels C].
func (m *featureMap) Rows() *onnxgraph.Value {
	if m.rows == nil {
		m.rows = op.Reshape(op.Transpose(m.chw, 0, 2, 3, 1), -1, m.channels())
	}
	return m.rows
}

// CHW is the map as [N C H W].
func (m *featureMap) CHW() *onnxgraph.Value {
	if m.chw == nil {
		shape := []int{-1, m.height, m.width}
		vertical, horizontal := []int{1}, []int{2}
		for range m.halvings {
			shape = append(shape, 2, 2)
			vertical, horizontal = append(vertical, len(shape)-2), append(horizontal, len(shape)-1)
		}
		order := append(append([]int{0, len(shape)}, vertical...), horizontal...)
		x := op.Transpose(op.Reshape(m.rows, append(shape, m.channels())...), order...)
		m.chw = op.Reshape(x, -1, m.channels(), m.height<<m.halvings, m.width<<m.halvings)
	}
	return m.chw
}
