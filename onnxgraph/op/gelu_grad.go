package op

import (
	"math"

	"pmx/onnxgraph"
)

// GeluGrad returns dx of y = gelu(x): dx = dy ⊙ (Φ(x) + x φ(x)) with
// φ(x) = e^(-x²/2) / √(2π). ONNX Runtime Training has a kernel of this name.
func GeluGrad(dy, x *onnxgraph.Value) *onnxgraph.Value {
	return onnxgraph.Apply("com.microsoft.GeluGrad", nil, dy, x)
}

var _ = onnxgraph.Register(onnxgraph.OpSchema{
	Name: "GeluGrad", Domain: onnxgraph.DomainMicrosoft, SinceVersion: 1, Inputs: []string{"dY", "X"}, Outputs: []string{"dX"},
	Infer: signature("..., ... -> ..."),
	Grad:  onnxgraph.ByDecomposition(),
	Eval: arithmetic(func(dy, x float64) float64 {
		return dy * (gaussianCDF(x) + x*math.Exp(-x*x/2)/math.Sqrt(2*math.Pi))
	}, nil),
	Body: func(_ *onnxgraph.Node, in []*onnxgraph.Value) []*onnxgraph.Value {
		dy, x := in[0], in[1]
		density := Mul(Exp(Mul(Mul(x, x), Scalar(x, -0.5))), Scalar(x, 1/math.Sqrt(2*math.Pi)))
		return []*onnxgraph.Value{Mul(dy, Add(gaussianCDFOf(x), Mul(x, density)))}
	},
})
