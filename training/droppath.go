package training

import (
	"math/rand/v2"

	"pmx/builders"
	"pmx/onnxgraph"
)

// DropPathPort is the batch port of the masks of stochastic depth.
const DropPathPort = "drop_path"

// DropPath draws the masks of stochastic depth (arXiv 1603.09382), see
// builders.DropPath: [depth 2 rows], 0 where a branch of a block is left out for
// an image and 1/keep where it stays. A mask follows from the seed and the step
// alone, so that a resumed run draws what the uninterrupted one would have.
type DropPath struct {
	seed  uint64
	rates []float64 // by block
	rows  int       // images that pass the query encoder
	mask  *onnxgraph.Tensor
}

// NewDropPath draws for a step; nil if the step has no such port.
func NewDropPath(step *builders.Step, seed uint64) *DropPath {
	for _, port := range step.Batch {
		if port.Name != DropPathPort {
			continue
		}
		depth := port.Shape[0]
		d := &DropPath{seed: seed, rows: port.Shape[2], mask: onnxgraph.Zeros(onnxgraph.Float32, port.Shape)}
		for block := range depth {
			d.rates = append(d.rates, builders.DropPathRate(step.Config.DropPath, block, depth))
		}
		return d
	}
	return nil
}

// dropPathStream keeps these draws apart from others of the same seed.
const dropPathStream = 0x64726f7070617468

// Mask is the mask of a step, counted from 0. It is valid until the next call.
func (d *DropPath) Mask(step int64) *onnxgraph.Tensor {
	rng := rand.New(rand.NewPCG(d.seed^dropPathStream, uint64(step)))
	mask := onnxgraph.Data[float32](d.mask)
	for i := range mask {
		rate := d.rates[i/(2*d.rows)]
		mask[i] = 0
		if rng.Float64() >= rate { // one draw per entry at any rate
			mask[i] = float32(1 / (1 - rate))
		}
	}
	return d.mask
}
