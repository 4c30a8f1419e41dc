package builders

import (
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
		l.bias = s.Param("bias", zeros, out)
	}
	return l
}

// Forward maps x [... in] to [... out]. Two dimensions are the fast form: bias
// and transposes are part of one Gemm.
func (l *Linear) Forward(x *onnxgraph.Value) *onnxgraph.Value {
	if x.Rank() == 2 {
		var bias *onnxgraph.Value
		if l.bias != nil {
			bias = l.bias.Value
		}
		return op.Gemm(x, l.weight.Value, bias, false, true)
	}
	y := op.MatMul(x, op.Transpose(l.weight.Value, 1, 0))
	if l.bias != nil {
		y = op.Add(y, l.bias.Value)
	}
	return y
}
