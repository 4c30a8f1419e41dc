package builders

import (
	"math"
	"math/rand/v2"

	"pmx/onnxgraph"
)

// Initializer draws the initial elements of a parameter.
type Initializer func(rng *rand.Rand, shape onnxgraph.Shape) []float32

func constant(v float32) Initializer {
	return func(_ *rand.Rand, shape onnxgraph.Shape) []float32 {
		out := make([]float32, shape.Size())
		for i := range out {
			out[i] = v
		}
		return out
	}
}

// Zeros and Ones are constant.
var (
	Zeros = constant(0)
	Ones  = constant(1)
)

// Gaussian draws from N(0, std²).
func Gaussian(std float64) Initializer {
	return func(rng *rand.Rand, shape onnxgraph.Shape) []float32 {
		out := make([]float32, shape.Size())
		for i := range out {
			out[i] = float32(std * rng.NormFloat64())
		}
		return out
	}
}

// Uniform draws from [-bound, bound).
func Uniform(bound func(shape onnxgraph.Shape) float64) Initializer {
	return func(rng *rand.Rand, shape onnxgraph.Shape) []float32 {
		b := bound(shape)
		out := make([]float32, shape.Size())
		for i := range out {
			out[i] = float32(b * (2*rng.Float64() - 1))
		}
		return out
	}
}

// xavier is Glorot and Bengio's uniform initialisation, ±√(6/(in+out)), of a
// weight [out in...] that is made of several matrices stacked along out: the
// three of attn.qkv are square, each drawn by its own fan.
func xavier(stacked int) Initializer {
	return Uniform(func(shape onnxgraph.Shape) float64 {
		fanIn := shape[1:].Size()
		return math.Sqrt(6 / float64(shape[0]/stacked+fanIn))
	})
}

// kaimingUniform is torch.nn.Linear's own default, ±1/√in, for the heads.
var kaimingUniform = Uniform(func(shape onnxgraph.Shape) float64 { return 1 / math.Sqrt(float64(shape[1])) })
