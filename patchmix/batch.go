package patchmix

import (
	"sync/atomic"

	"pmx/onnxgraph"
)

// Batch is what one training step takes.
//
// Feeds holds, in float32, under the names of the step file:
//
//	view1, view2              [N, 3, H, W]   two views of every image
//	local0, local1, ...       [N, 3, h, w]   local crops, if any
//
// and, if images are mixed,
//
//	mixed1, mixed2            [N, 3, H, W]   the views, mixed
//	local0_mixed, ...         [N, 3, h, w]   the local crops, mixed
//	target_source             [N, N]         soft targets, see targets.go
//	target_mix_source         [N, N]
//	target_mix_mix            [N, N]
//
// The targets are shared between batches and must not be changed.
type Batch struct {
	Feeds   map[string]*onnxgraph.Tensor
	Indices []int // of the images in the dataset
	Labels  []int // of the images, -1 where there is none; training does not see them

	Epoch int // from 0
	Step  int // in the epoch, from 0
	Num   int // images in a mix, 0 if none are mixed

	views  [][]float32 // pixels by view, with room for a full batch
	mixed  [][]float32 // likewise; nil if none are mixed
	perms  [][]int     // by view
	pool   chan *Batch
	handed atomic.Bool // the consumer has it
}

// Release hands the batch's memory back to the loader, which uses it for another
// batch. The batch must not be used any more. It need not be called, but then
// every batch is made anew. Calling it twice is once.
func (b *Batch) Release() {
	if b.handed.Swap(false) {
		select {
		case b.pool <- b:
		default: // the loader has enough
		}
	}
}
