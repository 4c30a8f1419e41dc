package evaluation

import (
	"fmt"

	"pmx/onnxgraph"
	"pmx/onnxgraph/op"
	"pmx/runtimes"
)

// RuntimeProduct multiplies on a runtime, and so on its device: on a CPU, ONNX
// Runtime is some times faster than BLAS. The caller closes it.
type RuntimeProduct struct {
	model  runtimes.Inference
	device string
}

var _ Product = (*RuntimeProduct)(nil)

// NewRuntimeProduct compiles a·bᵀ for blocks of any size.
func NewRuntimeProduct(r runtimes.Runtime, o runtimes.Options) (*RuntimeProduct, error) {
	g, err := onnxgraph.Build("product", func(g *onnxgraph.Graph) {
		a := g.Input("a", onnxgraph.Float32, onnxgraph.Dynamic, onnxgraph.Dynamic).NameDims("M", "D")
		b := g.Input("b", onnxgraph.Float32, onnxgraph.Dynamic, onnxgraph.Dynamic).NameDims("N", "D")
		g.Output("y", op.Gemm(a, b, nil, false, true))
	})
	if err != nil {
		return nil, err
	}
	model, err := r.NewInference(&onnxgraph.Model{Graph: g}, o)
	if err != nil {
		return nil, err
	}
	return &RuntimeProduct{model, o.Device}, nil
}

// Mul is dst = a·bᵀ.
func (p *RuntimeProduct) Mul(dst, a, b []float32, m, n, dim int) error {
	out, err := p.model.Run(map[string]*onnxgraph.Tensor{
		"a": onnxgraph.NewTensor([]int{m, dim}, a),
		"b": onnxgraph.NewTensor([]int{n, dim}, b),
	})
	if err != nil {
		return err
	}
	y := out["y"]
	if y == nil || y.DType() != onnxgraph.Float32 || y.Size() != m*n {
		return fmt.Errorf("evaluation: the runtime's product is %v, want float[%d %d]", y, m, n)
	}
	copy(dst, onnxgraph.Data[float32](y))
	return nil
}

// Error is that of float32 on the CPU. A GPU may round the factors to the 10 bits
// of TF32 before it multiplies.
func (p *RuntimeProduct) Error(dim int) float64 {
	if p.device == "" || p.device == "cpu" {
		return float32Error(dim)
	}
	return 0x1p-9 + float32Error(dim)
}

// Close frees the compiled model.
func (p *RuntimeProduct) Close() error { return p.model.Close() }
