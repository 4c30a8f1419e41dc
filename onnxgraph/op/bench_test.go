package op_test

import (
	"slices"
	"testing"

	"pmx/internal/require"
	"pmx/onnxgraph"
	"pmx/runtimes"
)

// benchmarkOnORT runs what f makes of inputs that it declares, on one thread.
func benchmarkOnORT(b *testing.B, kernels string, f func(g *onnxgraph.Graph) *onnxgraph.Value) {
	b.Helper()
	runtime, err := runtimes.LookupRuntime("ort")
	if err != nil {
		b.Fatal(err)
	}
	options := runtimes.Options{Threads: 1, Kernels: kernels}
	if _, err := runtime.Version(options); err != nil {
		require.Missing(b, err)
	}
	g, err := onnxgraph.Build("benchmark", func(g *onnxgraph.Graph) { g.Output("out", f(g)) })
	if err != nil {
		b.Fatal(err)
	}
	if g, err = g.Optimize(); err != nil {
		b.Fatal(err)
	}
	feeds := map[string]*onnxgraph.Tensor{}
	for i, v := range g.Inputs() {
		feeds[v.Name] = onnxgraph.Narrow(random(uint64(i), slices.Clone(v.Shape)...))
	}
	session, err := runtime.NewInference(&onnxgraph.Model{Graph: g}, options)
	if err != nil {
		b.Fatal(err)
	}
	defer session.Close()
	if _, err := session.Run(feeds); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := session.Run(feeds); err != nil {
			b.Fatal(err)
		}
	}
}
