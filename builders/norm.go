package builders

import (
	"pmx/onnxgraph"
	"pmx/onnxgraph/op"
)

// LayerNorm normalises the last dimension (arXiv 1607.06450).
type LayerNorm struct {
	weight, bias *Param
	epsilon      float64
}

// NewLayerNorm makes weight of ones and bias of zeros.
func NewLayerNorm(s Scope, dim int) *LayerNorm {
	return &LayerNorm{s.Param("weight", Ones, dim), s.Param("bias", Zeros, dim), layerNormEpsilon}
}

// withEpsilon replaces the published ViT's epsilon, unless it is 0.
func (l *LayerNorm) withEpsilon(epsilon float64) *LayerNorm {
	if epsilon != 0 {
		l.epsilon = epsilon
	}
	return l
}

// Forward normalises x [... dim].
func (l *LayerNorm) Forward(x *onnxgraph.Value) *onnxgraph.Value {
	return op.PMXLayerNorm(x, l.weight.Value, l.bias.Value, l.epsilon)
}

// ForwardResidual adds the stream's pending branch and normalises the sum. It
// returns both, [... dim].
func (l *LayerNorm) ForwardResidual(r Residual) (sum, y *onnxgraph.Value) {
	if r.branch == nil {
		return r.stream, l.Forward(r.stream)
	}
	return op.AddLayerNormalization(r.stream, r.branch, l.weight.Value, l.bias.Value, l.epsilon)
}

// ForwardCentred is Forward with each row's mean taken off first, which changes
// nothing in exact arithmetic. ONNX Runtime's own kernel takes the variance as
// E[x²]-E[x]²; the batch norm behind the final norm amplifies its rounding, so
// that the loss of a small batch is off by 1e-5 without this.
func (l *LayerNorm) ForwardCentred(x *onnxgraph.Value) *onnxgraph.Value {
	return l.Forward(op.Sub(x, op.ReduceMean(x, true, -1)))
}

// BatchNorm normalises each feature over the batch (arXiv 1502.03167).
type BatchNorm struct {
	weight, bias *Param // nil without affine map
	dim          int
	epsilon      float64
	running      *normStatistics // nil where none are kept
}

// NewBatchNorm makes weight of ones and bias of zeros if affine.
func NewBatchNorm(s Scope, dim int, affine bool) *BatchNorm {
	b := &BatchNorm{dim: dim, epsilon: batchNormEpsilon, running: s.params.statistics.add(s, dim)}
	if affine {
		b.weight, b.bias = s.Param("weight", Ones, dim), s.Param("bias", Zeros, dim)
	}
	return b
}

// Forward normalises x [N dim] by the statistics of its N rows or, in inference
// with running statistics, by those.
func (b *BatchNorm) Forward(x *onnxgraph.Value) *onnxgraph.Value {
	var scale, bias *onnxgraph.Value
	if b.weight != nil {
		scale, bias = b.weight.Value, b.bias.Value
	} else {
		scale, bias = op.Fill(x, 1, b.dim), op.Fill(x, 0, b.dim)
	}
	if r := b.running; r != nil {
		if r.of.inference {
			return op.BatchNormalization(x, scale, bias, r.mean.Value, r.variance.Value, b.epsilon)
		}
		r.pass(x)
	}
	return op.BatchNormTraining(x, scale, bias, b.epsilon)
}
