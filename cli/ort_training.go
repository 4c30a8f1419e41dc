package cli

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"pmx/step"
	"pmx/tasks"

	"pmx/builders"
	"pmx/internal/atomicfile"
	"pmx/internal/cancel"
	"pmx/internal/memory"
	"pmx/internal/table"
	"pmx/onnxgraph"
	"pmx/runtimes/orttraining/ortcheckpoint"
)

// The names under which ONNX Runtime Training's own tool writes its artifacts.
const (
	ortTrainingModel  = "training_model.onnx"
	ortEvalModel      = "eval_model.onnx"
	ortOptimizerModel = "optimizer_model.onnx"
	ortCheckpoint     = "checkpoint"
)

// writeORTTraining writes the four artifacts of a recipe into a folder, all or
// none of them; other files there stay.
func writeORTTraining(ctx context.Context, out io.Writer, r tasks.Recipe, dir string, overwrite bool) error {
	names := []string{ortTrainingModel, ortEvalModel, ortOptimizerModel, ortCheckpoint}
	for _, name := range names {
		if _, err := os.Lstat(filepath.Join(dir, name)); err == nil && !overwrite {
			return fmt.Errorf("%s exists: name another folder, or replace the artifacts with --overwrite", filepath.Join(dir, name))
		}
	}
	a, err := cancel.Unless(ctx, func() (*builders.ORTTraining, error) { return tasks.BuildORTTraining(r) })
	if err != nil {
		return err
	}
	if n := stateBytes(a); n > ortcheckpoint.MaxSize { // before so much is drawn
		return fmt.Errorf("the weights are %s, a checkpoint of ONNX Runtime Training ends at 2 GiB: take a smaller model, or --format %s, which has no such limit",
			memory.Human(n), formatStep)
	}
	files, err := cancel.Unless(ctx, func() (map[string][]byte, error) { return encodeORTTraining(a, r.Common().Seed) })
	if err != nil {
		return err
	}

	_, missing := os.Stat(dir)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("--out: %w", err)
	}
	if err := atomicfile.Stage(dir, func(staging string) ([]string, error) {
		for _, name := range names {
			write := func(w io.Writer) error { _, err := w.Write(files[name]); return err }
			if err := writeFile(ctx, filepath.Join(staging, name), write); err != nil {
				return nil, err
			}
		}
		return []string{ortCheckpoint}, nil
	}); err != nil {
		if missing != nil {
			os.Remove(dir) // empty
		}
		return err
	}
	for _, name := range names {
		fmt.Fprintf(out, "wrote %s\n", filepath.Join(dir, name))
	}
	return describeORTTraining(out, a)
}

// encodeORTTraining gives the artifacts' bytes by their names.
func encodeORTTraining(a *builders.ORTTraining, seed uint64) (files map[string][]byte, err error) {
	files = map[string][]byte{ortOptimizerModel: a.Optimizer}
	if files[ortTrainingModel], err = a.Training.Marshal(); err != nil {
		return nil, err
	}
	if files[ortEvalModel], err = a.Eval.Marshal(); err != nil {
		return nil, err
	}
	files[ortCheckpoint], err = ortcheckpoint.Encode(initialCheckpoint(a, seed))
	return files, err
}

// initialCheckpoint draws the state that training starts from.
func initialCheckpoint(a *builders.ORTTraining, seed uint64) *ortcheckpoint.Checkpoint {
	state := a.InitialState(seed)
	c := &ortcheckpoint.Checkpoint{}
	for _, t := range a.Step.State {
		p := ortcheckpoint.Parameter{Name: t.Name, Value: state[t.Name]}
		if t.Kind == step.Param {
			c.Trainable = append(c.Trainable, p)
		} else {
			c.Frozen = append(c.Frozen, p)
		}
	}
	return c
}

// stateBytes is the size of the checkpoint's tensors.
func stateBytes(a *builders.ORTTraining) int64 {
	var n int64
	for _, t := range a.Step.State {
		n += product(t.Shape) * int64(onnxgraph.Float32.Size())
	}
	return n
}

// describeORTTraining prints what TrainStep and EvalStep take and give, in order.
func describeORTTraining(out io.Writer, a *builders.ORTTraining) error {
	for _, s := range []struct {
		call    string
		step    *step.Step
		outputs []*onnxgraph.Value
	}{
		{"TrainStep", a.Step, a.Training.Graph.Outputs()[:len(a.Step.Metrics)]}, // the others are not shown to a host
		{"EvalStep", a.EvalStep, a.Eval.Graph.Outputs()},
	} {
		fmt.Fprintf(out, "\n%s takes\n", s.call)
		w := table.New(out)
		for _, h := range s.step.Hyper {
			w.Row("  "+h.Name, onnxgraph.Float32, []int{1})
		}
		for _, p := range s.step.Batch {
			w.Row("  "+p.Name, p.DType, p.Shape)
		}
		if err := w.Flush(); err != nil {
			return err
		}
		fmt.Fprintln(out, "and gives")
		for _, v := range s.outputs {
			w.Row("  "+v.Name, v.DType, v.Shape)
		}
		if err := w.Flush(); err != nil {
			return err
		}
	}
	return nil
}
