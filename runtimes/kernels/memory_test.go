package kernels_test

import (
	"strings"
	"testing"

	"pmx/onnxgraph"
	"pmx/runtimes"
)

// TestNoMemory asks for the scratch memory of a region of so many bins, in so wide a map,
// that no processor can address it: the run fails with an error that says so, and the
// process continues.
func TestNoMemory(t *testing.T) {
	const many = 1 << 22
	g, err := onnxgraph.Build("kernel", func(g *onnxgraph.Graph) {
		dy, boxes := g.Input("dy", onnxgraph.Float32, 1, 1, 1, many, 1), g.Input("boxes", onnxgraph.Float32, 1, 1, 4)
		shape := g.Const(onnxgraph.NewTensor([]int{4}, []int64{1, 1, 1, many}))
		g.Output("dx", onnxgraph.Apply("pmx.RoiAlignGrad", nil, dy, boxes, shape))
	})
	if err != nil {
		t.Fatal(err)
	}
	session, err := openORT(t).NewInference(&onnxgraph.Model{Graph: g}, runtimes.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer session.Close()
	_, err = session.Run(map[string]*onnxgraph.Tensor{
		"dy":    onnxgraph.Zeros(onnxgraph.Float32, []int{1, 1, 1, many, 1}),
		"boxes": onnxgraph.NewTensor([]int{1, 1, 4}, []float32{0, 0, 1, 1}),
	})
	if want := "pmx.RoiAlignGrad: no memory for "; err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("error %v, want one that says %q", err, want)
	}
}
