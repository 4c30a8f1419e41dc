package onnxgraph_test

import (
	"bytes"
	"fmt"
	"math"
	"strings"
	"testing"

	"pmx/onnxgraph"
)

// TestFloat16Values compares with numpy: np.array(bits, np.uint16).view(np.float16).
func TestFloat16Values(t *testing.T) {
	cases := []struct {
		bits uint16
		want float64
	}{
		{0x0000, 0}, {0x3c00, 1}, {0xc000, -2}, {0x3555, 0.333251953125}, {0x7bff, 65504}, {0xfbff, -65504},
		{0x0400, 6.103515625e-05}, {0x03ff, 6.097555160522461e-05}, {0x0001, 5.960464477539063e-08}, {0x8001, -5.960464477539063e-08},
		{0x7c00, math.Inf(1)}, {0xfc00, math.Inf(-1)},
	}
	for _, c := range cases {
		got := onnxgraph.Bits16(onnxgraph.Float16, []int{1}, []uint16{c.bits}).Float64s()[0]
		if got != c.want {
			t.Errorf("float16 %#04x is %v, want %v", c.bits, got, c.want)
		}
	}
	if z := onnxgraph.Bits16(onnxgraph.Float16, []int{1}, []uint16{0x8000}).Float64s()[0]; z != 0 || !math.Signbit(z) {
		t.Errorf("float16 0x8000 is %v, want -0", z)
	}
	for _, bits := range []uint16{0x7c01, 0x7e00, 0xffff} {
		if got := onnxgraph.Bits16(onnxgraph.Float16, []int{1}, []uint16{bits}).Float64s()[0]; !math.IsNaN(got) {
			t.Errorf("float16 %#04x is %v, want NaN", bits, got)
		}
	}
}

// TestBFloat16Values: a bfloat16 is the upper half of a float32.
func TestBFloat16Values(t *testing.T) {
	for bits, want := range map[uint16]float64{0x3f80: 1, 0xc000: -2, 0x4049: 3.140625, 0x0001: 9.183549615799121e-41, 0x7f80: math.Inf(1)} {
		if got := onnxgraph.Bits16(onnxgraph.BFloat16, []int{1}, []uint16{bits}).Float64s()[0]; got != want {
			t.Errorf("bfloat16 %#04x is %v, want %v", bits, got, want)
		}
	}
}

// TestFloat32s: of every float type the same numbers as Float64s, rounded to float32.
func TestFloat32s(t *testing.T) {
	for _, x := range append(oneOfEach(), onnxgraph.NewTensor([]int{1}, []float64{0.1})) {
		if !x.DType().IsFloat() {
			func() {
				defer func() {
					if recover() == nil {
						t.Errorf("%v has float32 elements", x)
					}
				}()
				x.Float32s()
			}()
			continue
		}
		got := x.Float32s()
		for i, want := range x.Float64s() {
			if got[i] != float32(want) {
				t.Errorf("%v: element %d is %v, want %v", x, i, got[i], want)
			}
		}
	}
	x := onnxgraph.NewTensor([]int{1}, []float32{1})
	if &x.Float32s()[0] != &onnxgraph.Data[float32](x)[0] {
		t.Error("float32 elements were copied")
	}
}

// oneOfEach holds a tensor of every element type.
func oneOfEach() []*onnxgraph.Tensor {
	return []*onnxgraph.Tensor{
		onnxgraph.NewTensor([]int{2}, []float32{1.5, -2}), onnxgraph.NewTensor([]int{2}, []float64{1.5, -2}),
		onnxgraph.NewTensor([]int{2}, []int8{1, -2}), onnxgraph.NewTensor([]int{2}, []int16{1, -2}),
		onnxgraph.NewTensor([]int{2}, []int32{1, -2}), onnxgraph.NewTensor([]int{2}, []int64{1, -2}),
		onnxgraph.NewTensor([]int{2}, []uint8{1, 255}), onnxgraph.NewTensor([]int{2}, []uint16{1, 65535}),
		onnxgraph.NewTensor([]int{2}, []uint32{1, 1 << 31}), onnxgraph.NewTensor([]int{2}, []uint64{1, 1 << 63}),
		onnxgraph.NewTensor([]int{2}, []bool{true, false}),
		onnxgraph.Bits16(onnxgraph.Float16, []int{2}, []uint16{0x3c00, 0xc000}),
		onnxgraph.Bits16(onnxgraph.BFloat16, []int{2}, []uint16{0x3f80, 0xc000}),
	}
}

// TestTensorBytes: bytes and back, clone, shape, zeros, for every element type.
func TestTensorBytes(t *testing.T) {
	for _, x := range oneOfEach() {
		t.Run(x.DType().String(), func(t *testing.T) {
			if len(x.Bytes()) != 2*x.DType().Size() {
				t.Fatalf("%d bytes, want %d", len(x.Bytes()), 2*x.DType().Size())
			}
			y, err := onnxgraph.TensorFromBytes(x.DType(), []int{2, 1}, x.Bytes())
			if err != nil {
				t.Fatal(err)
			}
			if y.DType() != x.DType() || !bytes.Equal(x.Bytes(), y.Bytes()) || fmt.Sprint(x.Float64s()) != fmt.Sprint(y.Float64s()) {
				t.Errorf("%v came back as %v", x.Float64s(), y.Float64s())
			}
			c := x.Clone()
			c.Bytes()[0] ^= 1
			if bytes.Equal(c.Bytes(), x.Bytes()) {
				t.Error("a clone shares its data")
			}
			if v := x.WithShape([]int{1, 2}); v.DType() != x.DType() || v.Shape().String() != "[1 2]" || &v.Bytes()[0] != &x.Bytes()[0] {
				t.Errorf("WithShape gave %v", v)
			}
			for _, z := range onnxgraph.Zeros(x.DType(), []int{3}).Float64s() {
				if z != 0 {
					t.Errorf("Zeros holds %v", z)
				}
			}
			parsed, err := onnxgraph.ParseDType(x.DType().String())
			if err != nil || parsed != x.DType() {
				t.Errorf("the name %v was read as %v, %v", x.DType(), parsed, err)
			}
			if _, err := onnxgraph.TensorFromBytes(x.DType(), []int{3}, x.Bytes()); err == nil {
				t.Error("too few bytes were accepted")
			}
		})
	}
}

func TestTensorFromBytesErrors(t *testing.T) {
	for _, c := range []struct {
		dtype onnxgraph.DType
		shape []int
		raw   int
		want  string
	}{
		{onnxgraph.String, []int{1}, 1, "tensors of string are not supported"},
		{99, []int{1}, 1, "tensors of dtype(99) are not supported"},
		{onnxgraph.Float32, []int{-1}, 4, "dimension -1 is negative"},
		{onnxgraph.Float32, []int{math.MaxInt, math.MaxInt}, 4, "has more than"},
		{onnxgraph.Float32, []int{2}, 7, "float[2] needs 8 bytes, got 7"},
	} {
		if _, err := onnxgraph.TensorFromBytes(c.dtype, c.shape, make([]byte, c.raw)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("the error is %v, want %s", err, c.want)
		}
	}
}

// TestBoolBytes: any byte but 0 is true, and a Go bool is only ever 0 or 1.
func TestBoolBytes(t *testing.T) {
	x, err := onnxgraph.TensorFromBytes(onnxgraph.Bool, []int{3}, []byte{0, 1, 200})
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(x.Bytes(), []byte{0, 1, 1}) {
		t.Errorf("bytes %v, want [0 1 1]", x.Bytes())
	}
}

// TestWidenNarrow: floats become Float64 and back Float32, the rest stays.
func TestWidenNarrow(t *testing.T) {
	for _, x := range oneOfEach() {
		wide := onnxgraph.Widen(x)
		if x.DType().IsFloat() != (wide.DType() == onnxgraph.Float64) || fmt.Sprint(wide.Float64s()) != fmt.Sprint(x.Float64s()) {
			t.Errorf("%v %v widens to %v %v", x, x.Float64s(), wide, wide.Float64s())
		}
		if !x.DType().IsFloat() && wide != x {
			t.Errorf("%v is not left as it is", x)
		}
	}
	narrow := onnxgraph.Narrow(onnxgraph.NewTensor([]int{1}, []float64{0.1}))
	if narrow.DType() != onnxgraph.Float32 || onnxgraph.Data[float32](narrow)[0] != 0.1 {
		t.Errorf("0.1 narrows to %v %v", narrow, narrow.Float64s())
	}
}

// TestTensorPanics: these are faults of the caller, not of data.
func TestTensorPanics(t *testing.T) {
	for want, f := range map[string]func(){
		"shape [3] holds 3 elements, got 2": func() { onnxgraph.NewTensor([]int{3}, []float32{1, 2}) },
		"tensor of float read as int64":     func() { onnxgraph.Data[int64](onnxgraph.ScalarTensor(float32(1))) },
		"[2] cannot be viewed as [3]":       func() { onnxgraph.NewTensor([]int{2}, []int8{1, 2}).WithShape([]int{3}) },
		"no tensor of string can be made":   func() { onnxgraph.Zeros(onnxgraph.String, nil) },
	} {
		func() {
			defer func() {
				if r := recover(); !strings.Contains(fmt.Sprint(r), want) {
					t.Errorf("panic %v, want %s", r, want)
				}
			}()
			f()
		}()
	}
}
