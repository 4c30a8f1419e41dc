package builders

import (
	"pmx/onnxgraph"
	"pmx/onnxgraph/op"
)

// WindowAttention is multi-head self-attention with relative positions among the tokens
// of a grid: of all of it, or window by window (arXiv 2203.16527, section 3). Where
// windows do not divide the grid, it is padded on the right and below with zeros, which
// take part as tokens.
type WindowAttention struct {
	qkv, proj      *Linear
	alongY, alongX *Param // rel_pos_h [2h-1 d], rel_pos_w [2w-1 d] of h·w tokens that attend to each other
	heads          int
	height, width  int // of the grid
	window         int // side of a window; 0: all of the grid
}

// NewWindowAttention makes attn.qkv, attn.proj, both with bias, and attn.rel_pos_h and
// rel_pos_w, which are zeros at the start, for a grid of height by width tokens. Window
// 0 attends to all of it.
func NewWindowAttention(s Scope, dim, heads, height, width, window int) *WindowAttention {
	h, w := height, width
	if window > 0 {
		h, w = window, window
	}
	return &WindowAttention{
		qkv:    NewLinear(s.Sub("qkv"), dim, 3*dim, true, Gaussian(0.02)),
		proj:   NewLinear(s.Sub("proj"), dim, dim, true, Gaussian(0.02)),
		alongY: s.Param("rel_pos_h", Zeros, 2*h-1, dim/heads),
		alongX: s.Param("rel_pos_w", Zeros, 2*w-1, dim/heads),
		heads:  heads, height: height, width: width, window: window,
	}
}

// Forward maps the tokens x [B·height·width dim], row by row, to the same shape.
func (a *WindowAttention) Forward(x *onnxgraph.Value) *onnxgraph.Value {
	if a.window == 0 {
		return a.proj.Forward(a.attend(x, a.height*a.width))
	}
	// The projection is of each token by itself: padding need not pass it.
	windows := a.attend(a.partition(x), a.window*a.window)
	return a.proj.Forward(a.unpartition(windows))
}

// attend lets rows [groups·tokens dim] attend to those of their group.
func (a *WindowAttention) attend(x *onnxgraph.Value, tokens int) *onnxgraph.Value {
	dim := x.Shape[1]
	qkv := op.Reshape(a.qkv.Forward(x), -1, tokens, 3*dim)
	return op.Reshape(op.RelativeAttention(qkv, a.alongY.Value, a.alongX.Value, a.heads), -1, dim)
}

// windows is the number of windows along each axis.
func (a *WindowAttention) windows() (rows, columns int) {
	return (a.height + a.window - 1) / a.window, (a.width + a.window - 1) / a.window
}

// partition puts the rows of each window of x [B·height·width dim] together.
func (a *WindowAttention) partition(x *onnxgraph.Value) *onnxgraph.Value {
	dim, side := x.Shape[1], a.window
	rows, columns := a.windows()
	grid := op.Reshape(x, -1, a.height, a.width, dim)
	if below, right := rows*side-a.height, columns*side-a.width; below+right > 0 {
		grid = op.Pad(grid, []int{0, 0, 0, 0, 0, below, right, 0}, 0)
	}
	apart := op.Reshape(grid, -1, rows, side, columns, side, dim)
	return op.Reshape(op.Transpose(apart, 0, 1, 3, 2, 4, 5), -1, dim)
}

// unpartition is the reverse, without the padding.
func (a *WindowAttention) unpartition(x *onnxgraph.Value) *onnxgraph.Value {
	dim, side := x.Shape[1], a.window
	rows, columns := a.windows()
	apart := op.Reshape(x, -1, rows, columns, side, side, dim)
	grid := op.Reshape(op.Transpose(apart, 0, 1, 3, 2, 4, 5), -1, rows*side, columns*side, dim)
	if rows*side > a.height || columns*side > a.width {
		grid = op.SliceN(grid, []int{1, 2}, []int{0, 0}, []int{a.height, a.width}, nil)
	}
	return op.Reshape(grid, -1, dim)
}
