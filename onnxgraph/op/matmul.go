package op

import (
	"fmt"

	"pmx/onnxgraph"
)

// MatMul returns a · b as numpy.matmul does: matrices in the last two dimensions,
// the leading ones broadcast; a vector counts as one row (a) or column (b) whose
// dimension is dropped from the result.
//
//	dA = dY · Bᵀ,  dB = Aᵀ · dY
//
// https://onnx.ai/onnx/operators/onnx__MatMul.html
func MatMul(a, b *onnxgraph.Value) *onnxgraph.Value { return onnxgraph.Apply("MatMul", nil, a, b) }

var _ = onnxgraph.Register(onnxgraph.OpSchema{
	Name: "MatMul", SinceVersion: 13, Inputs: []string{"A", "B"}, Outputs: []string{"Y"},
	Infer: numeric(func(n *onnxgraph.Node) ([]onnxgraph.Type, error) {
		if err := sameDType(n.Inputs[0].Type, n.Inputs[1].Type); err != nil {
			return nil, err
		}
		_, _, shape, err := matmulShapes(n.Inputs[0].Shape, n.Inputs[1].Shape)
		return []onnxgraph.Type{{DType: n.Inputs[0].DType, Shape: shape}}, err
	}),
	Grad: onnxgraph.Differentiable(func(n *onnxgraph.Node, dy []*onnxgraph.Value) []*onnxgraph.Value {
		a, b, dy0 := n.Inputs[0], n.Inputs[1], dy[0]
		rankA, rankB := a.Rank(), b.Rank()
		if rankB == 1 {
			b, dy0 = Unsqueeze(b, 1), Unsqueeze(dy0, -1)
		}
		if rankA == 1 {
			a, dy0 = Unsqueeze(a, 0), Unsqueeze(dy0, -2)
		}
		da, db := matmulGrad(a, b, dy0)
		if rankA == 1 {
			da = Squeeze(da, -2)
		}
		if rankB == 1 {
			db = Squeeze(db, -1)
		}
		return []*onnxgraph.Value{da, db}
	}),
	Eval: func(_ *onnxgraph.Node, in []*onnxgraph.Tensor) ([]*onnxgraph.Tensor, error) {
		sa, sb, shape, err := matmulShapes(in[0].Shape(), in[1].Shape())
		if err != nil {
			return nil, err
		}
		if in[0].DType() != onnxgraph.Float64 {
			return nil, fmt.Errorf("Eval multiplies matrices of floats only, got %v", in[0].DType())
		}
		a, b := onnxgraph.Data[float64](in[0]), onnxgraph.Data[float64](in[1])
		la, lb := len(sa), len(sb)
		rows, inner, columns := sa[la-2], sa[la-1], sb[lb-1]
		batch, err := onnxgraph.Broadcast(sa[:la-2], sb[:lb-2])
		if err != nil {
			return nil, err
		}
		walk := newOdometer(batch, broadcastStrides(sa[:la-2], batch), broadcastStrides(sb[:lb-2], batch))
		y := make([]float64, shape.Size())
		for i := 0; i < batch.Size(); i++ {
			ia, ib := walk.at[0]*rows*inner, walk.at[1]*inner*columns
			multiplyAdd(y[i*rows*columns:(i+1)*rows*columns], a[ia:ia+rows*inner], b[ib:ib+inner*columns], rows, inner, columns)
			walk.next()
		}
		return one(onnxgraph.NewTensor(shape, y))
	},
})

// matmulShapes gives the operands' shapes as matrices and the result's.
func matmulShapes(a, b onnxgraph.Shape) (matA, matB, out onnxgraph.Shape, err error) {
	if len(a) == 0 || len(b) == 0 {
		return nil, nil, nil, fmt.Errorf("a scalar is no matrix: multiply with Mul")
	}
	matA, matB = a, b
	if len(a) == 1 {
		matA = onnxgraph.Shape{1, a[0]}
	}
	if len(b) == 1 {
		matB = onnxgraph.Shape{b[0], 1}
	}
	la, lb := len(matA), len(matB)
	if k, l := matA[la-1], matB[lb-2]; k != l && k != onnxgraph.Dynamic && l != onnxgraph.Dynamic {
		return nil, nil, nil, fmt.Errorf("inner dimensions differ: %d columns against %d rows", k, l)
	}
	if out, err = onnxgraph.Broadcast(matA[:la-2], matB[:lb-2]); err != nil {
		return nil, nil, nil, err
	}
	if len(a) > 1 {
		out = append(out, matA[la-2])
	}
	if len(b) > 1 {
		out = append(out, matB[lb-1])
	}
	return matA, matB, out, nil
}

// matmulGrad gives dA = dY·Bᵀ and dB = Aᵀ·dY for operands of rank 2 and more.
// A single matrix B takes Gemm on rows, whose flags transpose for free; for
// batches ONNX Runtime fuses Transpose into MatMul.
func matmulGrad(a, b, dy *onnxgraph.Value) (da, db *onnxgraph.Value) {
	if b.Rank() == 2 {
		rowsA, rowsY := asRows(a), asRows(dy)
		da = Gemm(rowsY, b, nil, false, true)
		if a.Rank() > 2 {
			da = Reshape(da, a.Shape...)
		}
		return da, Gemm(rowsA, rowsY, nil, true, false)
	}
	return MatMul(dy, swapLast(b)), MatMul(swapLast(a), dy)
}

// asRows flattens the leading dimensions of x to one: [rows, columns].
func asRows(x *onnxgraph.Value) *onnxgraph.Value {
	if x.Rank() == 2 {
		return x
	}
	return Flatten(x, -1)
}

// swapLast transposes the matrices in the last two dimensions.
func swapLast(x *onnxgraph.Value) *onnxgraph.Value {
	perm := span(x.Rank())
	last := len(perm) - 1
	perm[last-1], perm[last] = last, last-1
	return Transpose(x, perm...)
}
