package torchfile

import (
	"fmt"
	"math"

	"pmx/onnxgraph"
)

// storage is a run of elements that tensors are views of.
type storage struct {
	key   string
	class string // FloatStorage
	dtype onnxgraph.DType
	width int64 // bytes of an element
	count int64
	// base is where a storage of the legacy container begins that is a part of
	// another, in elements.
	base int64
}

func (s *storage) bytes() int64 { return s.count * s.width }

// storageTypes are the classes of torch's typed storages. What has no counterpart
// here has a width only: it can be passed over, but not read.
var storageTypes = map[string]struct {
	dtype onnxgraph.DType
	width int64
}{
	"FloatStorage":         {onnxgraph.Float32, 4},
	"DoubleStorage":        {onnxgraph.Float64, 8},
	"HalfStorage":          {onnxgraph.Float16, 2},
	"BFloat16Storage":      {onnxgraph.BFloat16, 2},
	"LongStorage":          {onnxgraph.Int64, 8},
	"IntStorage":           {onnxgraph.Int32, 4},
	"ShortStorage":         {onnxgraph.Int16, 2},
	"CharStorage":          {onnxgraph.Int8, 1},
	"ByteStorage":          {onnxgraph.Uint8, 1},
	"BoolStorage":          {onnxgraph.Bool, 1},
	"ComplexFloatStorage":  {onnxgraph.Undefined, 8},
	"ComplexDoubleStorage": {onnxgraph.Undefined, 16},
	"QInt8Storage":         {onnxgraph.Undefined, 1},
	"QUInt8Storage":        {onnxgraph.Undefined, 1},
	"QInt32Storage":        {onnxgraph.Undefined, 4},
	"UntypedStorage":       {onnxgraph.Undefined, 1}, // bytes; the tensor says of what type
}

// untypedDTypes are torch's element types without a storage class of their own, as
// _rebuild_tensor_v3 names them.
var untypedDTypes = map[string]onnxgraph.DType{
	"torch.uint16": onnxgraph.Uint16,
	"torch.uint32": onnxgraph.Uint32,
	"torch.uint64": onnxgraph.Uint64,
}

// parseStorage reads the tuple that names a storage: ("storage", class, key,
// location, count), and in the legacy container (key, offset, count) of a view or None.
func parseStorage(id Tuple) *storage {
	if len(id) < 5 || id[0] != "storage" {
		fail("a persistent id that is not a storage")
	}
	class, ok1 := id[1].(Global)
	key, ok2 := id[2].(string)
	count, ok3 := id[4].(int64)
	if !ok1 || !ok2 || !ok3 {
		fail("a storage that is not (class, key, location, count)")
	}
	t, known := storageTypes[class.Name]
	if !known || class.Module != "torch" && class.Module != "torch.storage" {
		fail("a storage of class %.100q, which is not one of torch", class.String())
	}
	if count < 0 || count > math.MaxInt64/16 {
		fail("storage %.100q of %d elements", key, count)
	}
	return &storage{key: key, class: class.Name, dtype: t.dtype, width: t.width, count: count}
}

// storageTable holds the storages of a file by their keys.
type storageTable map[string]*storage

// parse is parseStorage; check is called with each storage the first time.
func (t storageTable) parse(id Tuple, check func(*storage)) *storage {
	s := parseStorage(id)
	known := t[s.key]
	if known == nil {
		check(s)
		t[s.key] = s
		return s
	}
	if known.class != s.class || known.count != s.count {
		fail("%v is described in two ways", s)
	}
	return known
}

func (s *storage) String() string { return fmt.Sprintf("storage %.100q", s.key) }
