package export_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"pmx/artifacts"
	"pmx/artifacts/safetensors"
	"pmx/builders"
	"pmx/export"
	"pmx/onnxgraph"
	"pmx/runtimes"
)

// The state of a training step goes to a checkpoint, and an encoder from there to
// files.
func Example() {
	dir, err := os.MkdirTemp("", "pmx-example-")
	check(err)
	defer os.RemoveAll(dir)
	config := builders.ViTConfig{ImageSize: 8, PatchSize: 4, Dim: 12, Depth: 2, Heads: 3, MLPRatio: 4}
	state := map[string]*onnxgraph.Tensor{}
	for name, w := range builders.DrawEncoder(config, 1) {
		state[builders.BaseEncoder+"."+name] = w
	}
	architecture, err := json.Marshal(builders.Architecture(config))
	check(err)
	checkpoint := filepath.Join(dir, "000000.safetensors")
	check(artifacts.WriteCheckpoint(checkpoint, &artifacts.Checkpoint{
		CheckpointHeader: artifacts.CheckpointHeader{Arch: architecture},
		Tensors:          safetensors.Sorted(state),
	}))

	ctx := context.Background()
	encoder, err := export.ReadEncoder(ctx, checkpoint, "")
	check(err)
	runtime, err := runtimes.LookupRuntime("reference") // or "ort"
	check(err)
	files, err := encoder.Write(ctx, filepath.Join(dir, "encoder.onnx"), builders.EncoderOptions{DynamicSize: true}, &export.Verifier{Runtime: runtime})
	check(err)
	for _, f := range files {
		fmt.Println(filepath.Base(f.Path), f.Difference < export.Tolerance)
	}
	// Output:
	// encoder.onnx true
	// encoder.safetensors true
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}
