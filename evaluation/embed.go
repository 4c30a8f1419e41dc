package evaluation

import (
	"context"
	"fmt"
	"math"

	"pmx/builders"
	"pmx/images"
	"pmx/onnxgraph"
	"pmx/runtimes"
)

// Embed adds to the journal the encoder's class tokens (builders.EncoderClass), as the
// encoder computes them, of the images of data that it does not have yet. batches gives
// those of a data set. progress, unless nil, is told after each batch how many images are
// done. It stops with ctx's error once that is done; the journal keeps what was computed.
func Embed(ctx context.Context, encoder runtimes.Inference, data images.Dataset, batches func(images.Dataset) Batches, j *Journal, progress func(done int)) error {
	if j.Len() > data.Len() {
		return fmt.Errorf("evaluation: features of %d images, but %s has %d", j.Len(), data.Name(), data.Len())
	}
	rest := make([]int, data.Len()-j.Len())
	for i := range rest {
		rest[i] = j.Len() + i
	}
	if len(rest) == 0 {
		return nil
	}
	left, err := images.Subset(data, data.Name(), rest)
	if err != nil {
		return err
	}
	for batch, err := range batches(left) {
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return err
		}
		rows, err := classTokens(encoder, batch.Images)
		if err != nil {
			return err
		}
		if bad := notFinite(rows); bad >= 0 {
			return fmt.Errorf("evaluation: the feature of %s is not finite: is the encoder trained?", images.ItemName(data, j.Len()+bad))
		}
		if err := j.Append(rows); err != nil {
			return err
		}
		if progress != nil {
			progress(j.Len())
		}
	}
	return nil
}

// classTokens are the class tokens [n dim] of a batch of images.
func classTokens(encoder runtimes.Inference, batch *onnxgraph.Tensor) (*onnxgraph.Tensor, error) {
	out, err := encoder.Run(map[string]*onnxgraph.Tensor{builders.EncoderInput: batch})
	if err != nil {
		return nil, err
	}
	class := out[builders.EncoderClass]
	if class == nil || class.DType() != onnxgraph.Float32 || len(class.Shape()) != 2 {
		return nil, fmt.Errorf("evaluation: the model has no output %s of float [N dim]: is it an encoder from pmx export?", builders.EncoderClass)
	}
	return class, nil
}

// notFinite is the first row [n dim] with a number that is NaN or infinite, or -1.
func notFinite(rows *onnxgraph.Tensor) int {
	dim := rows.Shape()[1]
	for i, v := range onnxgraph.Data[float32](rows) {
		if f := float64(v); math.IsNaN(f) || math.IsInf(f, 0) {
			return i / dim
		}
	}
	return -1
}
