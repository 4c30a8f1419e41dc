package torchfile

import (
	"errors"
	"fmt"
	"math"
	"math/bits"

	"pmx/onnxgraph"
)

// Tensor describes a tensor of a file; Reader.Read reads it.
type Tensor struct {
	storage *storage
	dtype   onnxgraph.DType // Undefined if it has no counterpart here
	torch   string          // torch's name of such a type
	shape   onnxgraph.Shape
	strides []int64 // in elements, as the offset
	offset  int64
	width   int64 // bytes of an element
}

// DType is the element type, Undefined for one that cannot be read.
func (t *Tensor) DType() onnxgraph.DType { return t.dtype }

// Shape lists the dimensions. It must not be changed.
func (t *Tensor) Shape() onnxgraph.Shape { return t.shape }

// String prints the type and shape, such as float[2 3].
func (t *Tensor) String() string {
	if t.dtype == onnxgraph.Undefined {
		return t.torch + t.shape.String()
	}
	return t.dtype.String() + t.shape.String()
}

// rebuildTensor reads the arguments of torch._utils._rebuild_tensor and its later
// versions: storage, offset, sizes, strides[, requires_grad, hooks[, dtype of v3]].
func rebuildTensor(args Tuple, typed bool) (*Tensor, error) {
	if len(args) < 4 || !typed && len(args) < 7 {
		return nil, errors.New("a tensor of too few arguments")
	}
	s, ok1 := args[0].(*storage)
	offset, ok2 := args[1].(int64)
	sizes, ok3 := integers(args[2])
	strides, ok4 := integers(args[3])
	if !ok1 || !ok2 || !ok3 || !ok4 {
		return nil, errors.New("a tensor that is not (storage, offset, sizes, strides)")
	}
	t := &Tensor{storage: s, dtype: s.dtype, torch: s.class, strides: strides, offset: offset, width: s.width}
	count := s.count
	if !typed {
		dtype, ok := args[6].(Global)
		if !ok {
			return nil, errors.New("a tensor without an element type")
		}
		t.torch = dtype.String()
		t.dtype = untypedDTypes[t.torch]
		if t.dtype != onnxgraph.Undefined {
			t.width = int64(t.dtype.Size())
		}
		count = s.bytes() / t.width
	}
	return t, t.place(sizes, count)
}

// place sets the shape and checks that all elements lie in a storage of count.
func (t *Tensor) place(sizes []int64, count int64) error {
	if len(sizes) > maxDims || len(sizes) != len(t.strides) {
		return fmt.Errorf("a tensor of %d sizes and %d strides, at most %d are read", len(sizes), len(t.strides), maxDims)
	}
	elements, err := onnxgraph.CheckedSize(sizes, math.MaxInt64/16)
	if err != nil {
		return fmt.Errorf("a tensor: %w", err)
	}
	end := uint64(0) // of the elements, from the offset
	for i, size := range sizes {
		t.shape = append(t.shape, int(size))
		if t.strides[i] < 0 {
			return fmt.Errorf("a tensor with a negative stride, %d", t.strides[i])
		}
		if elements > 0 {
			high, low := bits.Mul64(uint64(size-1), uint64(t.strides[i]))
			if end += low; high > 0 || low > math.MaxInt64 || end > math.MaxInt64 {
				return fmt.Errorf("a tensor of sizes %v and strides %v", sizes, t.strides)
			}
		}
	}
	if elements > 0 {
		end++
	}
	if t.offset < 0 || t.offset > count || end > uint64(count-t.offset) {
		return fmt.Errorf("a tensor of elements %d to %d of %v, which has %d", t.offset, uint64(t.offset)+end, t.storage, count)
	}
	return nil
}

// integers reads a tuple of sizes or strides; torch.Size is one by the time it gets here.
func integers(v any) ([]int64, bool) {
	tuple, ok := v.(Tuple)
	list := make([]int64, 0, min(len(tuple), maxDims+1))
	for _, item := range tuple {
		n, isInt := item.(int64)
		if !isInt {
			return nil, false
		}
		if list = append(list, n); len(list) > maxDims {
			break
		}
	}
	return list, ok
}

// span is the elements from the first to the last, in bytes of the storage.
func (t *Tensor) span() (begin, end int64) {
	begin = (t.storage.base + t.offset) * t.width
	if t.shape.Size() == 0 {
		return begin, begin
	}
	last := int64(0)
	for i, size := range t.shape {
		last += int64(size-1) * t.strides[i]
	}
	return begin, begin + (last+1)*t.width
}

// contiguous reports whether the elements lie in row-major order without gaps.
func (t *Tensor) contiguous() bool {
	step := int64(1)
	for i := len(t.shape) - 1; i >= 0; i-- {
		if t.shape[i] != 1 && t.strides[i] != step {
			return false
		}
		step *= int64(t.shape[i])
	}
	return true
}

// gather copies the elements of the span src into row-major order.
func (t *Tensor) gather(dst, src []byte) {
	width := int(t.width)
	var copyDim func(dim, from int)
	copyDim = func(dim, from int) {
		if dim == len(t.shape) {
			dst = dst[copy(dst[:width], src[from:]):]
			return
		}
		for range t.shape[dim] {
			copyDim(dim+1, from)
			from += int(t.strides[dim]) * width
		}
	}
	if t.shape.Size() > 0 {
		copyDim(0, 0)
	}
}
