package builders

import (
	"math"

	"pmx/onnxgraph"
	"pmx/onnxgraph/op"
)

// Linear is y = x Wᵀ + b with weight [out in], as torch.nn.Linear.
type Linear struct {
	weight, bias *Param // bias may be nil
}

// NewLinear makes weight, and bias of zeros if withBias.
func NewLinear(s Scope, in, out int, withBias bool, init Initializer) *Linear {
	l := &Linear{weight: s.Param("weight", init, out, in)}
	if withBias {
		l.bias = s.Param("bias", Zeros, out)
	}
	return l
}

// newClassHead makes the last layer of a classifier. With std 0 it is drawn as
// torch.nn.Linear's default, weight and bias uniform in ±1/√in; else the weight is
// drawn from N(0, std²) and the bias is 0.
func newClassHead(s Scope, in, classes int, std float64) *Linear {
	if std > 0 {
		return NewLinear(s, in, classes, true, Gaussian(std))
	}
	bound := Uniform(func(onnxgraph.Shape) float64 { return 1 / math.Sqrt(float64(in)) })
	return &Linear{weight: s.Param("weight", bound, classes, in), bias: s.Param("bias", bound, classes)}
}

// Forward maps x [... in] to [... out]. Two dimensions are the fast form: bias
// and transposes are part of one product.
func (l *Linear) Forward(x *onnxgraph.Value) *onnxgraph.Value {
	if x.Rank() == 2 {
		bias := op.Fill(x, 0, l.weight.Shape[0])
		if l.bias != nil {
			bias = l.bias.Value
		}
		return op.Linear(x, l.weight.Value, bias)
	}
	y := op.MatMul(x, op.Transpose(l.weight.Value, 1, 0))
	if l.bias != nil {
		y = op.Add(y, l.bias.Value)
	}
	return y
}

// ForwardGelu is the GELU of Forward.
func (l *Linear) ForwardGelu(x *onnxgraph.Value) *onnxgraph.Value {
	if x.Rank() != 2 || l.bias == nil {
		return op.Gelu(l.Forward(x))
	}
	y, _ := op.LinearGelu(x, l.weight.Value, l.bias.Value)
	return y
}
