package artifacts_test

import (
	"fmt"
	"os"
	"path/filepath"

	"pmx/artifacts"
	"pmx/artifacts/safetensors"
	"pmx/onnxgraph"
)

// A run is created, saves a checkpoint, and is opened again to continue from it.
func Example() {
	dir, err := os.MkdirTemp("", "pmx-example-")
	check(err)
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "run")

	run, err := artifacts.CreateRun(path, artifacts.Manifest{}, struct{}{}, false)
	check(err)
	metrics, err := run.OpenMetrics(0)
	check(err)
	loss := func(step int64, v float64) error {
		return metrics.Append(artifacts.Metrics{Kind: artifacts.MetricsStep, Step: step, Tags: map[string]float64{"train/loss": v}})
	}
	check(loss(100, 1.5))
	check(loss(101, 1.4)) // behind the checkpoint
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
	last, err := run.LastMetrics()
	check(err)
	fmt.Println(step, onnxgraph.Data[float32](checkpoint.Tensors[0].Tensor), last["train/loss"])
	// Output: 100 [1 2] {100 1.5}
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}
