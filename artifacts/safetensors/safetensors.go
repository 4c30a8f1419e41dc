// Package safetensors reads and writes the safetensors format
// (https://github.com/huggingface/safetensors): named tensors and string
// metadata in one file,
//
//	8 bytes    n, little-endian: the size of the header
//	n bytes    JSON {"__metadata__": {"k": "v"}, "name": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}, ...}
//	the rest   little-endian elements, row-major, without gaps or overlaps
//
// The reader takes files from anywhere: it checks every size before it
// allocates, and reads one tensor at a time.
package safetensors

import (
	"cmp"
	"errors"
	"slices"

	"pmx/onnxgraph"
)

// MaxHeader is the largest header that the format allows, in bytes.
const MaxHeader = 100_000_000

// metadataKey is the header's one entry that is not a tensor.
const metadataKey = "__metadata__"

// ErrTruncated is in the error of reading a file whose end is missing.
var ErrTruncated = errors.New("the file is truncated")

// Named is a tensor and its name.
type Named struct {
	Name string
	*onnxgraph.Tensor
}

// Sorted lists tensors as the format's reference writer does: widest element
// type first (so that elements are aligned), then by name.
func Sorted(tensors map[string]*onnxgraph.Tensor) []Named {
	list := make([]Named, 0, len(tensors))
	for name, t := range tensors {
		list = append(list, Named{name, t})
	}
	slices.SortFunc(list, func(a, b Named) int {
		return cmp.Or(cmp.Compare(dtypeRank(b.DType()), dtypeRank(a.DType())), cmp.Compare(a.Name, b.Name))
	})
	return list
}
