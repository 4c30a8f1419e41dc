package cli

import (
	"fmt"
	"io"
	"maps"
	"os"
	"slices"

	"pmx/internal/progress"
	"pmx/internal/table"
	"pmx/runtimes/orttraining/ortcheckpoint"
)

func looksLikeORTCheckpoint(path string) (bool, error) {
	f, err := os.Open(path)
	if err != nil {
		return false, err
	}
	defer f.Close()
	head := make([]byte, 8)
	n, err := io.ReadFull(f, head)
	if n < len(head) { // too short for any file that is known
		return false, nil
	}
	return ortcheckpoint.Like(head), err
}

// inspectORTCheckpoint prints what a checkpoint of ONNX Runtime Training holds.
func inspectORTCheckpoint(out io.Writer, path string) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	c, err := ortcheckpoint.Decode(data)
	if err != nil {
		return fmt.Errorf("%w: %s", err, path)
	}
	fmt.Fprintln(out, "a checkpoint of ONNX Runtime Training")
	if len(c.Groups) == 0 {
		fmt.Fprintln(out, "optimizer: not begun")
	}
	for _, g := range c.Groups {
		fmt.Fprintf(out, "optimizer: %s after step %d, initial learning rate %g, state of %d parameters\n", g.Name, g.Step, g.InitialLearningRate, len(g.Moments))
	}
	w := table.New(out)
	if len(c.Ints)+len(c.Floats)+len(c.Strings) > 0 {
		w.Row("\nproperties:")
	}
	for _, name := range slices.Sorted(maps.Keys(c.Ints)) {
		w.Row("  "+name, c.Ints[name])
	}
	for _, name := range slices.Sorted(maps.Keys(c.Floats)) {
		w.Row("  "+name, c.Floats[name])
	}
	for _, name := range slices.Sorted(maps.Keys(c.Strings)) {
		w.Row("  "+name, shorten(c.Strings[name], 200))
	}
	for _, set := range []struct {
		name       string
		parameters []ortcheckpoint.Parameter
	}{{"trainable", c.Trainable}, {"frozen", c.Frozen}} {
		var total int64
		w.Row("\n" + set.name + ":")
		for _, p := range set.parameters {
			w.Row("  "+p.Name, p.Value.DType(), p.Value.Shape())
			total += product(p.Value.Shape())
		}
		w.Row(fmt.Sprintf("%d tensors, %s numbers", len(set.parameters), progress.Count(total)))
	}
	return w.Flush()
}
