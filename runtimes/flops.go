package runtimes

import (
	"fmt"

	"pmx/onnxgraph"
)

// FLOPs is the number of floating-point operations in the matrix products of a
// graph, 2·m·n·k for each product of [m k] and [k n]: all of Gemm, MatMul, Conv and
// ConvTranspose, in the bodies of other operators too. Nothing else is counted. A
// dimension that is not fixed is an error.
func FLOPs(g *onnxgraph.Graph) (int64, error) {
	standard, err := g.Inline(nil)
	if err != nil {
		return 0, fmt.Errorf("runtimes: FLOPs: %w", err)
	}
	var sum int64
	for _, n := range standard.Nodes() {
		// Each of the elements of one operand or the result takes part in so many products.
		var elements onnxgraph.Shape
		var each int
		switch n.Op.ID() {
		case "Gemm":
			elements, each = n.Outputs[0].Shape, n.Inputs[0].Shape[1-n.Attributes.Int("transA", 0)]
		case "MatMul":
			a := n.Inputs[0].Shape
			elements, each = n.Outputs[0].Shape, a[len(a)-1]
		case "Conv":
			elements, each = n.Outputs[0].Shape, n.Inputs[1].Shape[1:].Size()
		case "ConvTranspose":
			elements, each = n.Inputs[0].Shape, n.Inputs[1].Shape[1:].Size()
		default:
			continue
		}
		if !elements.Static() || each < 0 {
			return 0, fmt.Errorf("runtimes: FLOPs: node %s (%s) has no fixed size: %v", n.Name, n.Op.ID(), elements)
		}
		sum += 2 * int64(elements.Size()) * int64(each)
	}
	return sum, nil
}
