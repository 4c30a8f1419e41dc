package op

import (
	"math"

	"pmx/onnxgraph"
)

// Gelu returns y = x Φ(x) = x/2 · (1 + erf(x/√2)), the exact Gaussian error linear
// unit (arXiv 1606.08415). dx comes from GeluGrad. ONNX Runtime has a kernel of
// this name.
func Gelu(x *onnxgraph.Value) *onnxgraph.Value { return onnxgraph.Apply("com.microsoft.Gelu", nil, x) }

var _ = onnxgraph.Register(onnxgraph.OpSchema{
	Name: "Gelu", Domain: onnxgraph.DomainMicrosoft, SinceVersion: 1, Inputs: []string{"X"}, Outputs: []string{"Y"},
	Infer: signature("... -> ..."),
	Grad: onnxgraph.Differentiable(func(n *onnxgraph.Node, dy []*onnxgraph.Value) []*onnxgraph.Value {
		return []*onnxgraph.Value{GeluGrad(dy[0], n.Inputs[0])}
	}),
	Eval: mapUnary(func(x float64) float64 { return x * gaussianCDF(x) }),
	Body: func(_ *onnxgraph.Node, in []*onnxgraph.Value) []*onnxgraph.Value {
		return []*onnxgraph.Value{Mul(in[0], gaussianCDFOf(in[0]))}
	},
})

func gaussianCDF(x float64) float64 { return 0.5 * (1 + math.Erf(x/math.Sqrt2)) }

// gaussianCDFOf is Φ(x) = (1 + erf(x/√2)) / 2 as nodes.
func gaussianCDFOf(x *onnxgraph.Value) *onnxgraph.Value {
	erf := Erf(Mul(x, Scalar(x, 1/math.Sqrt2)))
	return Mul(Add(erf, Scalar(x, 1)), Scalar(x, 0.5))
}
