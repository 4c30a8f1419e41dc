package orttraining_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"pmx/onnxgraph"
	"pmx/runtimes/orttraining"
)

// TestRunInPlace runs a plain session on buffers of the caller.
func TestRunInPlace(t *testing.T) {
	data := model(t, []port{{"a", tensorType(onnxgraph.Float32, 2, 3)}, {"b", tensorType(onnxgraph.Float32)}},
		[]port{{"sum", tensorType(onnxgraph.Float32, 2, 3)}}, "sum = Add(a, b)")
	l := library(t)
	s, err := l.NewSession(data, sessionOptions(t, orttraining.Options{NoMemoryPattern: true}))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	a, b, sum := values(0, 2, 3), onnxgraph.ScalarTensor(float32(2)), onnxgraph.Zeros(onnxgraph.Float32, []int{2, 3})
	value := func(x *onnxgraph.Tensor) *orttraining.Value {
		v, err := l.NewValue(x)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { v.Close() })
		return v
	}
	in, out := []*orttraining.Value{value(a), value(b)}, []*orttraining.Value{value(sum)}
	for round := range 3 {
		onnxgraph.Data[float32](b)[0] = float32(round)
		if err := s.Run(in, out); err != nil {
			t.Fatal(err)
		}
		for i, v := range onnxgraph.Data[float32](sum) {
			if want := onnxgraph.Data[float32](a)[i] + float32(round); v != want {
				t.Fatalf("sum[%d] = %v, want %v", i, v, want)
			}
		}
	}
	wrong := value(onnxgraph.Zeros(onnxgraph.Float32, []int{3}))
	wantError(t, s.Run(in, []*orttraining.Value{wrong}), "Invalid rank for output: sum")
	wantError(t, s.Run(in[:1], out), "got 1 inputs, want 2")
	wantError(t, s.Run([]*orttraining.Value{in[0], nil}, out), "input b is closed or nil")
	s.Close()
	wantError(t, s.Run(in, out), "closed")
}

// TestElementTypes passes tensors of every type and of odd shapes through.
func TestElementTypes(t *testing.T) {
	for _, x := range []*onnxgraph.Tensor{
		values(0, 2, 2), onnxgraph.ScalarTensor(2.5), onnxgraph.NewTensor([]int{2}, []int64{-1, 1}), onnxgraph.NewTensor([]int{3}, []bool{true, false, true}),
		onnxgraph.NewTensor([]int{1}, []uint8{255}), onnxgraph.Bits16(onnxgraph.Float16, []int{1}, []uint16{0x3c00}), onnxgraph.Zeros(onnxgraph.Float32, []int{0, 3}),
	} {
		t.Run(x.String(), func(t *testing.T) {
			p := tensorType(x.DType(), x.Shape()...)
			s, err := library(t).NewSession(model(t, []port{{"x", p}}, []port{{"y", p}}, "y = Identity(x)"), sessionOptions(t, orttraining.Options{}))
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			out, err := s.RunFeeds(map[string]*onnxgraph.Tensor{"x": x})
			if err != nil {
				t.Fatal(err)
			}
			if y := out["y"]; y.DType() != x.DType() || !y.Shape().Equal(x.Shape()) || !bytes.Equal(y.Bytes(), x.Bytes()) {
				t.Errorf("%v came back as %v", x, y)
			}
		})
	}
}

// TestFusedKernel runs an operator that only the training library has, and finds
// it in the trace.
func TestFusedKernel(t *testing.T) {
	p := tensorType(onnxgraph.Float32, 2, 3)
	prefix := filepath.Join(t.TempDir(), "trace")
	s, err := library(t).NewSession(model(t, []port{{"dy", p}, {"x", p}}, []port{{"dx", p}}, "dx = com.microsoft::GeluGrad(dy, x)"),
		sessionOptions(t, orttraining.Options{ProfilePrefix: prefix, Optimization: orttraining.OptimizeNone, Config: map[string]string{"session.intra_op.allow_spinning": "0"}}))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if _, err := s.RunFeeds(map[string]*onnxgraph.Tensor{"dy": values(0, 2, 3), "x": values(9, 2, 3)}); err != nil {
		t.Fatal(err)
	}
	s.Close()
	traces, err := filepath.Glob(prefix + "*.json")
	if err != nil || len(traces) != 1 {
		t.Fatalf("traces %v (%v), want one", traces, err)
	}
	data, err := os.ReadFile(traces[0])
	if err != nil {
		t.Fatal(err)
	}
	var events []struct {
		Args struct {
			Op string `json:"op_name"`
		} `json:"args"`
	}
	if err := json.Unmarshal(data, &events); err != nil {
		t.Fatal(err)
	}
	for _, e := range events {
		if e.Args.Op == "GeluGrad" {
			return
		}
	}
	t.Errorf("no kernel GeluGrad in the trace of %d events", len(events))
}
