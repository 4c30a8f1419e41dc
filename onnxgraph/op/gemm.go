package op

import (
	"fmt"

	"pmx/onnxgraph"
)

// Gemm returns y = op(a) · op(b) + c, where op transposes if asked and c (which
// may be nil) broadcasts to [M N]. With the attributes alpha and beta, y =
// α op(A) op(B) + β C, and
//
//	dA = α dY op(B)ᵀ   or, transposed, α op(B) dYᵀ
//	dB = α op(A)ᵀ dY   or, transposed, α dYᵀ op(A)
//	dC = β dY
//
// https://onnx.ai/onnx/operators/onnx__Gemm.html
func Gemm(a, b, c *onnxgraph.Value, transA, transB bool) *onnxgraph.Value {
	return onnxgraph.Apply("Gemm", gemmAttributes(1, transA, transB), a, b, c)
}

// gemmAttributes leaves out what has its default value.
func gemmAttributes(alpha float64, transA, transB bool) onnxgraph.Attributes {
	attributes := onnxgraph.Attributes{}
	if alpha != 1 {
		attributes["alpha"] = float32(alpha)
	}
	if transA {
		attributes["transA"] = int64(1)
	}
	if transB {
		attributes["transB"] = int64(1)
	}
	return attributes
}

var _ = onnxgraph.Register(onnxgraph.OpSchema{
	Name: "Gemm", SinceVersion: 13, Inputs: []string{"A", "B", "C?"}, Outputs: []string{"Y"},
	Infer: numeric(func(n *onnxgraph.Node) ([]onnxgraph.Type, error) {
		a, b := n.Inputs[0], n.Inputs[1]
		if err := sameDType(a.Type, b.Type); err != nil {
			return nil, err
		}
		m, _, k, err := gemmSizes(n, a.Shape, b.Shape)
		if err != nil {
			return nil, err
		}
		y := onnxgraph.Shape{m, k}
		if len(n.Inputs) > 2 {
			c := n.Inputs[2]
			if err := sameDType(a.Type, c.Type); err != nil {
				return nil, err
			}
			if all, err := onnxgraph.Broadcast(c.Shape, y); err != nil || len(all) != 2 || y.Static() && !all.Equal(y) {
				return nil, fmt.Errorf("C %v does not broadcast to %v", c.Shape, y)
			}
		}
		return []onnxgraph.Type{{DType: a.DType, Shape: y}}, nil
	}),
	Grad: onnxgraph.Differentiable(func(n *onnxgraph.Node, dy []*onnxgraph.Value) []*onnxgraph.Value {
		a, b := n.Inputs[0], n.Inputs[1]
		transA, transB := n.Attributes.Int("transA", 0) == 1, n.Attributes.Int("transB", 0) == 1
		alpha, beta := n.Attributes.Float("alpha", 1), n.Attributes.Float("beta", 1)
		product := func(x, y *onnxgraph.Value, transX, transY bool) *onnxgraph.Value {
			return onnxgraph.Apply("Gemm", gemmAttributes(alpha, transX, transY), x, y)
		}
		dx := make([]*onnxgraph.Value, len(n.Inputs))
		if transA {
			dx[0] = product(b, dy[0], transB, true)
		} else {
			dx[0] = product(dy[0], b, false, !transB)
		}
		if transB {
			dx[1] = product(dy[0], a, true, transA)
		} else {
			dx[1] = product(a, dy[0], !transA, false)
		}
		if len(dx) > 2 {
			if dx[2] = dy[0]; beta != 1 {
				dx[2] = Mul(dy[0], Scalar(dy[0], beta))
			}
		}
		return dx
	}),
	Eval: func(n *onnxgraph.Node, in []*onnxgraph.Tensor) ([]*onnxgraph.Tensor, error) {
		rows, inner, columns, err := gemmSizes(n, in[0].Shape(), in[1].Shape())
		if err != nil {
			return nil, err
		}
		if in[0].DType() != onnxgraph.Float64 {
			return nil, fmt.Errorf("Eval multiplies matrices of floats only, got %v", in[0].DType())
		}
		a, b := onnxgraph.Data[float64](in[0]), onnxgraph.Data[float64](in[1])
		if n.Attributes.Int("transA", 0) == 1 {
			a = transposed(a, inner, rows)
		}
		if n.Attributes.Int("transB", 0) == 1 {
			b = transposed(b, columns, inner)
		}
		y := make([]float64, rows*columns)
		multiplyAdd(y, a, b, rows, inner, columns)
		if alpha := n.Attributes.Float("alpha", 1); alpha != 1 {
			for i := range y {
				y[i] *= alpha
			}
		}
		product := onnxgraph.NewTensor([]int{rows, columns}, y)
		if len(in) < 3 {
			return one(product)
		}
		beta := n.Attributes.Float("beta", 1)
		return alone(broadcastMap(product, in[2], func(y, c float64) float64 { return y + beta*c }))
	},
})

// gemmSizes gives M, K and N of op(A) [M K] · op(B) [K N].
func gemmSizes(n *onnxgraph.Node, a, b onnxgraph.Shape) (rows, inner, columns int, err error) {
	if len(a) != 2 || len(b) != 2 {
		return 0, 0, 0, fmt.Errorf("A and B must be matrices; flatten the leading dimensions or use MatMul")
	}
	rows, inner = a[0], a[1]
	if n.Attributes.Int("transA", 0) == 1 {
		rows, inner = inner, rows
	}
	innerB, columns := b[0], b[1]
	if n.Attributes.Int("transB", 0) == 1 {
		innerB, columns = columns, innerB
	}
	switch {
	case inner == onnxgraph.Dynamic:
		inner = innerB
	case innerB != inner && innerB != onnxgraph.Dynamic:
		return 0, 0, 0, fmt.Errorf("inner dimensions differ: %d and %d", inner, innerB)
	}
	return rows, inner, columns, nil
}
