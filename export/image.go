package export

import (
	"math/rand/v2"

	"pmx/builders"
	"pmx/onnxgraph"
)

// imageSize is in pixels.
type imageSize struct{ height, width int }

func (e *Encoder) trainedSize() imageSize { return imageSize{e.Config.ImageSize, e.Config.ImageSize} }

// randomImage is bytes [1 height width 3], the same for a size.
func randomImage(size imageSize) *onnxgraph.Tensor {
	rng := rand.New(rand.NewPCG(uint64(size.height), uint64(size.width)))
	pixels := make([]uint8, size.height*size.width*3)
	for i := range pixels {
		pixels[i] = uint8(rng.UintN(256))
	}
	return onnxgraph.NewTensor([]int{1, size.height, size.width, 3}, pixels)
}

// exportedInput is an image as an exported model takes it.
func exportedInput(raw *onnxgraph.Tensor, o builders.EncoderOptions) *onnxgraph.Tensor {
	if o.Preprocessing {
		return raw
	}
	return normalized(raw)
}

// normalized turns bytes [n H W 3] into what the encoder was trained on, float
// [n 3 H W].
func normalized(raw *onnxgraph.Tensor) *onnxgraph.Tensor {
	s := raw.Shape()
	n, pixels := s[0], s[1]*s[2]
	out := make([]float32, raw.Size())
	for i, v := range onnxgraph.Data[uint8](raw) {
		image, pixel, channel := i/(3*pixels), i/3%pixels, i%3
		out[(image*3+channel)*pixels+pixel] = (float32(v)/255 - builders.ImageMean[channel]) / builders.ImageStd[channel]
	}
	return onnxgraph.NewTensor([]int{n, 3, s[1], s[2]}, out)
}
