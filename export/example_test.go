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
	"pmx/training"
)

// The state of a training step goes to a checkpoint, and an encoder from there to
// files.
func Example() {
	dir, err := os.MkdirTemp("", "pmx-example-")
	check(err)
	defer os.RemoveAll(dir)
	config := builders.Config{
		Method: "patchmix", ImageSize: 8, PatchSize: 4, Dim: 12, Depth: 2, Heads: 3, MLPRatio: 4,
		ProjLayers: 1, PredLayers: 1, Hidden: 8, OutDim: 4, Batch: 4, MixNum: builders.IntSet{2},
	}
	step, err := builders.Build(config)
	check(err)
	architecture, err := json.Marshal(builders.Architecture(config))
	check(err)
	checkpoint := filepath.Join(dir, "000000.safetensors")
	check(artifacts.WriteCheckpoint(checkpoint, &artifacts.Checkpoint{
		CheckpointHeader: artifacts.CheckpointHeader{Arch: architecture},
		Tensors:          safetensors.Sorted(step.InitialState(1)),
	}))

	ctx := context.Background()
	encoder, err := export.ReadEncoder(ctx, checkpoint, "")
	check(err)
	runtime, err := training.LookupRuntime("reference") // or "ort"
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
