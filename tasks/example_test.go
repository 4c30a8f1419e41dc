package tasks_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"pmx/images"
	"pmx/runtimes"
	"pmx/tasks"
)

// A whole training: a preset made small, on a data set of the program's own, by the
// reference runtime, which needs no library.
func ExampleRun() {
	preset, err := tasks.LookupPreset("quickstart")
	if err != nil {
		log.Fatal(err)
	}
	recipe := preset.Recipe().(*tasks.Contrastive)
	recipe.ImageSize, recipe.PatchSize, recipe.Dim, recipe.Depth, recipe.Heads = 8, 4, 8, 1, 1
	recipe.Hidden, recipe.OutDim, recipe.Batch, recipe.Epochs, recipe.WarmupEpochs = 8, 4, 8, 2, 0
	reference, err := runtimes.LookupRuntime("reference")
	if err != nil {
		log.Fatal(err)
	}
	dir, err := os.MkdirTemp("", "pmx-example-")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	sample, err := images.Open("sample", images.Train)
	if err != nil {
		log.Fatal(err)
	}
	some, err := images.Subset(sample, "16 of the sample", []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15})
	if err != nil {
		log.Fatal(err)
	}
	err = tasks.Run(context.Background(), recipe, tasks.Options{
		Dir: filepath.Join(dir, "run"), Runtime: reference, Images: tasks.Images{Train: some},
	})
	if err != nil {
		log.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(dir, "run", "encoder.*"))
	if err != nil {
		log.Fatal(err)
	}
	for _, file := range files {
		fmt.Println(filepath.Base(file))
	}
	// Output:
	// encoder.onnx
	// encoder.safetensors
}
