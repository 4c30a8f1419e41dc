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
