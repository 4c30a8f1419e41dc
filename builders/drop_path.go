package builders

import (
	"pmx/onnxgraph"
	"pmx/onnxgraph/op"
	"pmx/step"
)

// DropPath is stochastic depth (arXiv 1603.09382): in training, the branch of a
// block is left out for some images. The choice comes in as a feed, so that a
// step can be repeated: mask [depth 2 rows] holds 0 where the branch (0
// attention, 1 MLP) of an image is left out and 1/keep where it stays, keep being 1
// - DropPathRate of the block. There are as many rows as images
// that pass the encoder in a step; which row is which image's does not matter
// to masks that are drawn. All ones leave nothing out.
type DropPath struct {
	mask  *onnxgraph.Value // nil: nothing is dropped
	first int              // the row of the pass's first image
}

// DropPath declares the feed DropPathFeed of rows images that pass an encoder of depth
// blocks; at rate 0 there is none, and nothing is dropped.
func (d *Draft) DropPath(rate float64, depth, rows int) DropPath {
	if rate == 0 {
		return DropPath{}
	}
	return DropPath{mask: d.Feed(DropPathFeed, onnxgraph.Float32, step.Ones, depth, 2, rows)}
}

// DropPathRate is the rate of a block: it grows linearly from 0 in the first to
// last in the last; a single block is the first.
func DropPathRate(last float64, block, depth int) float64 {
	if depth < 2 {
		return 0
	}
	return last * float64(block) / float64(depth-1)
}

// apply scales the branch x [B·T dim] of each image by its mask.
func (d DropPath) apply(x *onnxgraph.Value, block, branch, tokens int) *onnxgraph.Value {
	if d.mask == nil {
		return x
	}
	dim := x.Shape[1]
	batch := x.Shape[0] / tokens
	row := op.SliceN(d.mask, []int{0, 1, 2}, []int{block, branch, d.first}, []int{block + 1, branch + 1, d.first + batch}, nil)
	scaled := op.Mul(op.Reshape(x, batch, tokens, dim), op.Reshape(row, batch, 1, 1))
	return op.Reshape(scaled, batch*tokens, dim)
}
