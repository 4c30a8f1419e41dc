package torchfile_test

import (
	"fmt"
	"log"
	"os"
	"path/filepath"

	"pmx/artifacts/torchfile"
	"pmx/onnxgraph"
)

// A file is written, and one tensor of it read.
func Example() {
	dir, err := os.MkdirTemp("", "")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "model.pth")

	state := &torchfile.Dict{}
	state.Set("norm.weight", onnxgraph.NewTensor([]int{3}, []float32{1, 2, 3}))
	if err := torchfile.WriteFile(path, state); err != nil {
		log.Fatal(err)
	}

	r, err := torchfile.Open(path)
	if err != nil {
		log.Fatal(err)
	}
	defer r.Close()
	for key, value := range r.Object().(*torchfile.Dict).All() {
		t, err := r.Read(value.(*torchfile.Tensor))
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(key, t, t.Float32s())
	}
	// Output: norm.weight float[3] [1 2 3]
}
