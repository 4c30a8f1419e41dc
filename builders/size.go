package builders

import (
	"fmt"

	"pmx/onnxgraph"
)

// Sizes says how much memory a step takes at least, in bytes, without building it.
type Sizes struct {
	State       float64 // of one copy of the state
	Largest     Param   // of the state
	Images      float64 // of a batch's views
	Activations float64 // that the backward pass finds: of the hidden layers of the blocks, by far not all
}

// Sizes is of a valid configuration whose method sends so many batches of images
// through the query encoder in a step.
func (c SiameseConfig) Sizes(queries int) Sizes {
	const float = 4
	var s Sizes
	params := namedParams()
	newSiameseEncoder(params.Root("base_encoder"), c)
	encoder := len(params.List())
	NewHead(params.Root("predictor"), c.PredLayers, c.OutDim, c.Hidden, c.OutDim)
	for i, p := range params.List() {
		if c.MomentumEncoder && i < encoder {
			s.add(p, trainedCopies+1)
		} else {
			s.add(p, trainedCopies)
		}
	}
	s.State += 8 // the counter

	whole := 2 * float64(c.Batch)
	local := float64(queries*c.Batch) - whole
	s.Images = float * 3 * (whole*square(c.ImageSize) + local*square(c.LocalSize))
	tokens := whole * float64(1+c.Tokens(c.ImageSize))
	if local > 0 {
		tokens += local * float64(1+c.Tokens(c.LocalSize))
	}
	s.Activations = float * tokens * float64(c.Depth-1) * float64(c.MLPRatio) * float64(c.Dim) // the last block has class tokens only
	return s
}

// checkCount refuses a step with an array whose elements cannot be counted: sizes in
// ONNX are of 63 bits.
func (c SiameseConfig) checkCount() error {
	images, side := float64(c.Batch), max(c.ImageSize, c.LocalSize*min(c.LocalCrops, 1))
	if c.LocalCrops > 0 {
		images *= float64(c.LocalCrops) // pass as one batch
	}
	if largest := images * c.largestArray(side); largest >= countable {
		return fmt.Errorf("builders: a step would have arrays of %.1g elements, more than can be counted: lower batch, image_size, local_crops, local_size or dim, or take a larger patch_size", largest)
	}
	return nil
}

// countable is more elements than an array may have, whose bytes are counted in 63 bits.
const countable = 1 << 60

// largestArray is the most elements that an array has for an image of a side.
func (c ViTConfig) largestArray(side int) float64 {
	tokens := float64(1 + c.Tokens(side))
	return max(3*square(side), tokens*float64(max(3, c.MLPRatio))*float64(c.Dim), tokens*tokens*float64(c.Heads))
}

// StateSizes is the state of a step that trains the parameters of a model by AdamW.
func StateSizes(model func(s Scope)) Sizes {
	var s Sizes
	params := namedParams()
	model(params.Root(""))
	for _, p := range params.List() {
		s.add(p, trainedCopies)
	}
	return s
}

// trainedCopies are those of a parameter in the state: itself and AdamW's moments.
const trainedCopies = 3

// add counts a parameter of which the state has so many copies.
func (s *Sizes) add(p *Param, copies int) {
	n := p.Shape.Size()
	s.State += 4 * float64(copies) * float64(n)
	if n > s.Largest.Shape.Size() || s.Largest.Name == "" {
		s.Largest = *p
	}
}

// namedParams collects parameters for their names, shapes and initial values alone.
func namedParams() *Params { return NewParams(func(*Param) *onnxgraph.Value { return nil }) }

func square(side int) float64 { return float64(side) * float64(side) }
