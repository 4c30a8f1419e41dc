package ortcheckpoint_test

import (
	"fmt"
	"log"

	"pmx/onnxgraph"
	"pmx/runtimes/orttraining/ortcheckpoint"
)

// A checkpoint to start from: parameters only.
func Example() {
	data, err := ortcheckpoint.Encode(&ortcheckpoint.Checkpoint{
		Trainable: []ortcheckpoint.Parameter{{Name: "fc.weight", Value: onnxgraph.NewTensor([]int{1, 2}, []float32{0.5, -0.5})}},
		Strings:   map[string]string{"method": "patchmix"},
	})
	if err != nil {
		log.Fatal(err)
	}
	c, err := ortcheckpoint.Decode(data)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(c.Trainable[0].Name, c.Trainable[0].Value, c.Strings["method"])
	// Output: fc.weight float[1 2] patchmix
}
