package tasks

import (
	"context"
	"maps"
	"math/rand/v2"

	"pmx/builders"
	"pmx/onnxgraph"
)

// dropPathFeeder adds the masks of stochastic depth (arXiv 1603.09382) to another
// feeder's batches, see builders.DropPath: [depth 2 rows], 0 where a branch of a block
// is left out for an image and 1/keep where it stays. A mask follows from the seed and
// the step alone, so that a resumed run draws what the uninterrupted one would have.
type dropPathFeeder struct {
	Feeder
	masks *dropPathMasks
}

// withDropPath draws masks with a rate in the last of depth blocks, for so many images
// that pass the encoder.
func withDropPath(f Feeder, seed uint64, rate float64, depth, rows int) Feeder {
	return &dropPathFeeder{f, newDropPathMasks(seed, rate, depth, rows)}
}

// Next implements training.Feeder. The mask is valid until the next call.
func (d *dropPathFeeder) Next(ctx context.Context) (map[string]*onnxgraph.Tensor, func(), error) {
	at := d.Position()
	feeds, release, err := d.Feeder.Next(ctx)
	if err != nil {
		return nil, nil, err
	}
	feeds = maps.Clone(feeds) // the map is the other feeder's
	feeds[builders.DropPathFeed] = d.masks.draw(at.Done())
	return feeds, release, nil
}

// dropPathMasks draws masks.
type dropPathMasks struct {
	seed  uint64
	rates []float64 // by block
	rows  int
	mask  *onnxgraph.Tensor
}

func newDropPathMasks(seed uint64, rate float64, depth, rows int) *dropPathMasks {
	d := &dropPathMasks{seed: seed, rows: rows, mask: onnxgraph.Zeros(onnxgraph.Float32, []int{depth, 2, rows})}
	for block := range depth {
		d.rates = append(d.rates, builders.DropPathRate(rate, block, depth))
	}
	return d
}

// dropPathStream keeps these draws apart from others of the same seed.
const dropPathStream = 0x64726f7070617468

// draw makes the mask of a step, counted from 0. It is valid until the next call.
func (d *dropPathMasks) draw(step int64) *onnxgraph.Tensor {
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
