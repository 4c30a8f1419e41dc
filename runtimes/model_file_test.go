package runtimes

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pmx/internal/numtest"
	"pmx/internal/require"
	"pmx/onnxgraph"
)

// product is x·w for a constant w [side side]; in float64 it goes through Erf,
// which ONNX Runtime has no kernel of.
func product(t *testing.T, dtype onnxgraph.DType, side int) *onnxgraph.Model {
	t.Helper()
	g, err := onnxgraph.Build("product", func(g *onnxgraph.Graph) {
		w := make([]float64, side*side)
		for i := range w {
			w[i] = float64(i%7) - 3
		}
		constant := onnxgraph.NewTensor([]int{side, side}, w)
		if dtype == onnxgraph.Float32 {
			constant = onnxgraph.Narrow(constant)
		}
		y := onnxgraph.Apply("MatMul", nil, g.Input("x", dtype, 2, side), g.NamedConst("w", constant))
		if dtype == onnxgraph.Float64 {
			y = onnxgraph.Apply("Erf", nil, y)
		}
		g.Output("y", y)
	})
	if err != nil {
		t.Fatal(err)
	}
	return &onnxgraph.Model{Graph: g}
}

// TestModelFile runs a model whose constants are past the limit of one message,
// here lowered: the libraries read them from a file, which is gone when the
// session is there, and when it is not.
func TestModelFile(t *testing.T) {
	const side = 64
	for _, name := range []string{"ort", "ort-training"} {
		t.Run(name, func(t *testing.T) {
			runtime, err := LookupRuntime(name)
			if err != nil {
				t.Fatal(err)
			}
			o := Options{Threads: 1, externalAbove: side}
			if _, err := runtime.Version(o); err != nil {
				require.Missing(t, err)
			}
			temporary := t.TempDir()
			t.Setenv("TMPDIR", temporary)

			model := product(t, onnxgraph.Float32, side)
			session, err := runtime.NewInference(model, o)
			if err != nil {
				t.Fatal(err)
			}
			defer session.Close()
			nothingIn(t, temporary)
			x := onnxgraph.Zeros(onnxgraph.Float32, []int{2, side})
			for i, v := range onnxgraph.Data[float32](x) {
				onnxgraph.Data[float32](x)[i] = v + float32(i%5)
			}
			feeds := map[string]*onnxgraph.Tensor{"x": x}
			got, err := session.Run(feeds)
			if err != nil {
				t.Fatal(err)
			}
			want, err := onnxgraph.Eval(model.Graph, feeds)
			if err != nil {
				t.Fatal(err)
			}
			if err := numtest.Compare(got["y"].Float64s(), want["y"].Float64s(), numtest.Tolerance("float", numtest.Summed)); err != nil {
				t.Error(err)
			}

			refused, err := runtime.NewInference(product(t, onnxgraph.Float64, side), o)
			if err == nil || !strings.Contains(err.Error(), "refuses the model") || refused != nil {
				t.Errorf("Erf of float64: %v, %v, want a refusal", refused, err)
			}
			nothingIn(t, temporary)

			t.Setenv("TMPDIR", filepath.Join(temporary, "none"))
			if _, err := runtime.NewInference(model, o); err == nil || !strings.Contains(err.Error(), "TMPDIR names another folder") {
				t.Errorf("without a temporary folder: %v", err)
			}
		})
	}
}

func nothingIn(t *testing.T, dir string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		t.Errorf("%s was left behind", e.Name())
	}
}
