package safetensors

import "pmx/onnxgraph"

// dtypes lists the element types in the format's own order, which decides the
// order of tensors in files (see Sorted).
var dtypes = []struct {
	name  string
	dtype onnxgraph.DType
}{
	{"BOOL", onnxgraph.Bool},
	{"U8", onnxgraph.Uint8},
	{"I8", onnxgraph.Int8},
	{"I16", onnxgraph.Int16},
	{"U16", onnxgraph.Uint16},
	{"F16", onnxgraph.Float16},
	{"BF16", onnxgraph.BFloat16},
	{"I32", onnxgraph.Int32},
	{"U32", onnxgraph.Uint32},
	{"F32", onnxgraph.Float32},
	{"F64", onnxgraph.Float64},
	{"I64", onnxgraph.Int64},
	{"U64", onnxgraph.Uint64},
}

// dtypeNamed gives the element type that files call name, or Undefined.
func dtypeNamed(name string) onnxgraph.DType {
	for _, d := range dtypes {
		if d.name == name {
			return d.dtype
		}
	}
	return onnxgraph.Undefined
}

// dtypeRank is the place of t in dtypes, or -1.
func dtypeRank(t onnxgraph.DType) int {
	for i, d := range dtypes {
		if d.dtype == t {
			return i
		}
	}
	return -1
}

// otherTypes are element types of the format that nothing here computes with, and their
// bits.
var otherTypes = map[string]int64{
	"F4": 4, "F6_E2M3": 6, "F6_E3M2": 6, "F8_E5M2": 8, "F8_E4M3": 8, "F8_E8M0": 8, "F8_E4M3FNUZ": 8, "F8_E5M2FNUZ": 8, "C64": 64,
}

// bitsOf is the size of an element, 0 for a type that is not known.
func bitsOf(name string) int64 {
	if t := dtypeNamed(name); t != onnxgraph.Undefined {
		return 8 * int64(t.Size())
	}
	return otherTypes[name]
}
