package kernels_test

import (
	"strings"
	"testing"

	"pmx/onnxgraph"
	"pmx/runtimes"
)

// TestNoMemory asks for the attention weights of so many tokens that no processor can
// address them: the run fails with an error that says so, and the process goes on.
func TestNoMemory(t *testing.T) {
	const tokens = 1 << 23
	g, err := onnxgraph.Build("kernel", func(g *onnxgraph.Graph) {
		qkv := g.Input("qkv", onnxgraph.Float32, 1, tokens, 3)
		attributes := onnxgraph.Attributes{"num_heads": int64(1), "scale": float32(1)}
		g.Output("y", onnxgraph.Apply("pmx.Attention", attributes, qkv))
	})
	if err != nil {
		t.Fatal(err)
	}
	session, err := openORT(t).NewInference(&onnxgraph.Model{Graph: g}, runtimes.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer session.Close()
	_, err = session.Run(map[string]*onnxgraph.Tensor{"qkv": onnxgraph.Zeros(onnxgraph.Float32, []int{1, tokens, 3})})
	if want := "pmx.Attention: no memory for "; err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("error %v, want one that says %q", err, want)
	}
}
