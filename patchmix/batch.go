package patchmix

import (
	"pmx/images"
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
	images.Batch // training does not see the labels

	Feeds map[string]*onnxgraph.Tensor
	Num   int // images in a mix, 0 if none are mixed

	views [][]float32 // pixels by view, with room for a full batch
	mixed [][]float32 // likewise; nil if none are mixed
	perms [][]int     // by view
}
