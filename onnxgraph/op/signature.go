package op

import (
	"fmt"
	"strings"

	"pmx/onnxgraph"
)

// signature infers an operator from the dimensions of its operands and results,
// written as einsum does: "N I, O I, O -> N O". A name stands for one size, 1 for
// itself and "..." for any number of leading dimensions, the same in all places.
// All are of one float type.
func signature(text string) inferFunc {
	left, right, _ := strings.Cut(text, " -> ")
	in, out := dimensions(left), dimensions(right)
	return func(n *onnxgraph.Node) ([]onnxgraph.Type, error) {
		dtype := n.Inputs[0].DType
		sizes := map[string]onnxgraph.Shape{"1": {1}}
		for i, x := range n.Inputs {
			if !dtype.IsFloat() || x.DType != dtype || !bind(sizes, in[i], x.Shape) {
				return nil, fmt.Errorf("want %s of one float type", wanted(n, in))
			}
		}
		types := make([]onnxgraph.Type, len(out))
		for i, names := range out {
			types[i].DType = dtype
			for _, name := range names {
				types[i].Shape = append(types[i].Shape, sizes[name]...)
			}
		}
		return types, nil
	}
}

// dimensions are the names in "N I, O I", by operand.
func dimensions(text string) [][]string {
	var out [][]string
	for operand := range strings.SplitSeq(text, ", ") {
		out = append(out, strings.Fields(operand))
	}
	return out
}

// bind takes the names' sizes from an operand's shape, or reports that it has
// another rank or a name another size. A size that was Dynamic may become known.
func bind(sizes map[string]onnxgraph.Shape, names []string, shape onnxgraph.Shape) bool {
	for i, name := range names {
		count := 1
		if name == "..." {
			count = len(shape) - (len(names) - 1 - i)
		}
		if count < 0 || count > len(shape) {
			return false
		}
		known, seen := sizes[name]
		if !seen {
			known = shape[:count].Clone()
		}
		if !known.Fits(shape[:count]) {
			return false
		}
		for d := range known {
			known[d] = max(known[d], shape[d]) // Dynamic is the least
		}
		sizes[name], shape = known, shape[count:]
	}
	return len(shape) == 0
}

// wanted is "X [N I], W [O I]".
func wanted(n *onnxgraph.Node, in [][]string) string {
	parts := make([]string, len(in))
	for i, names := range in {
		parts[i] = fmt.Sprintf("%s %v", n.Op.Inputs[i], names)
	}
	return strings.Join(parts, ", ")
}
