package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pmx/onnxgraph"
	"pmx/runtimes/orttraining/ortcheckpoint"
)

// TestInspectORTCheckpoint: of a checkpoint that has been trained with.
func TestInspectORTCheckpoint(t *testing.T) {
	w := onnxgraph.NewTensor([]int{2, 3}, make([]float32, 6))
	data, err := ortcheckpoint.Encode(&ortcheckpoint.Checkpoint{
		Trainable: []ortcheckpoint.Parameter{{Name: "fc.weight", Value: w}},
		Groups: []ortcheckpoint.OptimizerGroup{
			{Name: "group0", Step: 7, InitialLearningRate: 0.25, Moments: []ortcheckpoint.Moments{{Param: "fc.weight", First: w, Second: w}}},
		},
		Ints: map[string]int64{"epoch": 3}, Floats: map[string]float32{"loss": 1.5}, Strings: map[string]string{"host": "mine"},
	})
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "checkpoint")
	if err := os.WriteFile(path, data, 0o666); err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	if err := inspectFile(&b, path); err != nil {
		t.Fatal(err)
	}
	const want = `a checkpoint of ONNX Runtime Training
optimizer: group0 after step 7, initial learning rate 0.25, state of 1 parameters

properties:
  epoch  3
  loss   1.5
  host   mine

trainable:
  fc.weight  float  [2 3]
1 tensors, 6 numbers

frozen:
0 tensors, 0 numbers
`
	if b.String() != want {
		t.Errorf("got\n%swant\n%s", b.String(), want)
	}
}
