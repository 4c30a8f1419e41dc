package artifacts_test

import (
	"fmt"
	"os"
	"path/filepath"

	"pmx/artifacts"
	"pmx/artifacts/safetensors"
	"pmx/onnxgraph"
)

// A run is created, saves a checkpoint, and is opened again to go on from it.
func Example() {
	dir, err := os.MkdirTemp("", "pmx-example-")
	check(err)
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "run")

	run, err := artifacts.CreateRun(path, artifacts.Manifest{}, struct{}{}, false)
	check(err)
	metrics, err := run.OpenMetrics(0)
	check(err)
	check(metrics.Append(100, map[string]any{"loss": 1.5}))
	check(metrics.Append(101, map[string]any{"loss": 1.4})) // behind the checkpoint
	check(run.Checkpoints().Save(&artifacts.Checkpoint{
		CheckpointHeader: artifacts.CheckpointHeader{Step: 100},
		Tensors:          []safetensors.Named{{Name: "w", Tensor: onnxgraph.NewTensor([]int{2}, []float32{1, 2})}},
	}))
	check(metrics.Close())
	check(run.Close())

	run, err = artifacts.OpenRun(path)
	check(err)
	defer run.Close()
	step, err := run.Checkpoints().Latest()
	check(err)
	checkpoint, err := artifacts.ReadCheckpoint(run.Checkpoints().Path(step))
	check(err)
	metrics, err = run.OpenMetrics(step)
	check(err)
	defer metrics.Close()
	lines, err := run.ReadMetrics()
	check(err)
	fmt.Println(step, onnxgraph.Data[float32](checkpoint.Tensors[0].Tensor), len(lines))
	// Output: 100 [1 2] 1
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}
