package detect

import (
	"pmx/onnxgraph"
	"pmx/onnxgraph/op"
)

// elsewhere is a corner outside of every map: a region there pools zeros at no cost.
const elsewhere = -1e4

// pool takes each region of boxes [N R 4] from the level that it belongs to, [N·R C size
// size]. All levels are asked for all regions, at fixed shapes: those of other levels lie
// elsewhere, and the results are added up.
func (c Config) pool(maps []*onnxgraph.Value, boxes *onnxgraph.Value, size int) *onnxgraph.Value {
	g := boxes.Graph()
	defer g.Scope("pool")()
	images, count := boxes.Shape[0], boxes.Shape[1]
	batch := make([]int64, images*count)
	for i := range batch {
		batch[i] = int64(i / count)
	}
	image := g.Const(onnxgraph.NewTensor([]int{len(batch)}, batch))
	levels := c.levels()
	level := op.Unsqueeze(levels.Of(boxes), 2)
	var pooled []*onnxgraph.Value
	for i, x := range maps[:c.RoILevels] {
		here := op.Where(op.Equal(level, op.Scalar(level, float64(levels.Lowest+i))), boxes, op.Scalar(boxes, elsewhere))
		pooled = append(pooled, op.RoiAlign(x, op.Reshape(here, -1, 4), image, op.RoiAlignAttrs{
			Height: size, Width: size, SpatialScale: 1 / float64(c.Strides[i]), SamplingRatio: c.SamplingRatio,
		}))
	}
	if len(pooled) == 1 {
		return pooled[0]
	}
	return op.Sum(pooled...)
}
