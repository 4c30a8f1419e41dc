package export

import (
	"math"
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
func exportedInput(raw *onnxgraph.Tensor, o builders.EncoderOptions, a builders.ArchitectureInfo) *onnxgraph.Tensor {
	switch {
	case o.Resize > 0:
		return framed(raw, o.Resize)
	case o.Preprocessing:
		return raw
	}
	return normalized(raw, a)
}

// framed is an image [1 side side 3] in the centre of a larger black one, so that scaling
// leaves it alone and cropping gives it back.
func framed(raw *onnxgraph.Tensor, to int) *onnxgraph.Tensor {
	side := raw.Shape()[1]
	first := int(math.RoundToEven(float64(to-side) / 2))
	out, pixels := make([]uint8, to*to*3), onnxgraph.Data[uint8](raw)
	for y := range side {
		copy(out[((first+y)*to+first)*3:], pixels[y*side*3:(y+1)*side*3])
	}
	return onnxgraph.NewTensor([]int{1, to, to, 3}, out)
}

// normalized turns bytes [n H W 3] into what the encoder was trained on, float
// [n 3 H W].
func normalized(raw *onnxgraph.Tensor, a builders.ArchitectureInfo) *onnxgraph.Tensor {
	s := raw.Shape()
	n, pixels := s[0], s[1]*s[2]
	out := make([]float32, raw.Size())
	for i, v := range onnxgraph.Data[uint8](raw) {
		image, pixel, channel := i/(3*pixels), i/3%pixels, i%3
		out[(image*3+channel)*pixels+pixel] = (float32(v)/255 - a.Mean[channel]) / a.Std[channel]
	}
	return onnxgraph.NewTensor([]int{n, 3, s[1], s[2]}, out)
}
