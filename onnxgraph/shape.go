package onnxgraph

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// Dynamic is a dimension that is known only when the model runs, such as the
// batch of an exported encoder.
const Dynamic = -1

// Shape lists dimensions, outermost first. A nil or empty Shape is a scalar.
type Shape []int

// Static reports whether no dimension is Dynamic.
func (s Shape) Static() bool { return !slices.Contains(s, Dynamic) }

// Size is the number of elements, or Dynamic if a dimension is. Readers bound the
// shapes of models from files, so that it does not overflow.
func (s Shape) Size() int {
	n := 1
	for _, d := range s {
		if d == Dynamic {
			return Dynamic
		}
		n *= d
	}
	return n
}

// Equal reports whether both shapes list the same dimensions.
func (s Shape) Equal(t Shape) bool { return slices.Equal(s, t) }

// Fits reports whether both may be the shape of one tensor: dimensions are equal
// where neither is Dynamic.
func (s Shape) Fits(t Shape) bool {
	return slices.EqualFunc(s, t, func(a, b int) bool { return a == b || a == Dynamic || b == Dynamic })
}

// Clone copies the shape.
func (s Shape) Clone() Shape { return slices.Clone(s) }

// Int64 gives the dimensions in the type that ONNX stores them in.
func (s Shape) Int64() []int64 {
	d := make([]int64, len(s))
	for i, v := range s {
		d[i] = int64(v)
	}
	return d
}

// String prints [2 3 4]; Dynamic dimensions print as ?.
func (s Shape) String() string {
	parts := make([]string, len(s))
	for i, d := range s {
		if parts[i] = fmt.Sprint(d); d == Dynamic {
			parts[i] = "?"
		}
	}
	return "[" + strings.Join(parts, " ") + "]"
}

// CheckedSize is the number of elements of dimensions read from a file. It
// refuses negative dimensions and products past limit.
func CheckedSize(dims []int64, limit int64) (int, error) {
	n := int64(1)
	for _, d := range dims {
		if d < 0 {
			return 0, fmt.Errorf("dimension %d is negative", d)
		}
		if d > 0 && n > min(limit, math.MaxInt)/d {
			return 0, fmt.Errorf("shape %v has more than %d elements", dims, limit)
		}
		n *= d
	}
	return int(n), nil
}

// Broadcast gives the shape of an element-wise operation by the rules of NumPy
// (https://onnx.ai/onnx/repo-docs/Broadcasting.html). A Dynamic dimension
// against 1 or Dynamic stays Dynamic, against n > 1 becomes n.
func Broadcast(a, b Shape) (Shape, error) {
	out := make(Shape, max(len(a), len(b)))
	for i := range out {
		x, y := dimFromEnd(a, len(out)-i), dimFromEnd(b, len(out)-i)
		switch {
		case x == y || y == 1:
			out[i] = x
		case x == 1 || x == Dynamic:
			out[i] = y
		case y == Dynamic:
			out[i] = x
		default:
			return nil, fmt.Errorf("shapes %v and %v do not broadcast: dimension %d is %d and %d", a, b, i, x, y)
		}
	}
	return out, nil
}

// dimFromEnd is the k-th dimension from the end (1 = last); 1 where s has none.
func dimFromEnd(s Shape, k int) int {
	if k > len(s) {
		return 1
	}
	return s[len(s)-k]
}
