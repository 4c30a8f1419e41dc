package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"pmx/internal/cancel"
	"pmx/step"
	"pmx/tasks"

	"github.com/urfave/cli/v2"

	"pmx/onnxgraph"
	"pmx/training"
)

// What build-graph writes.
const (
	formatStep        = "step"
	formatORTTraining = "ort-training"
)

var _ = register("build-graph", func() *cli.Command {
	return &cli.Command{
		Usage: "write a whole training step as one ONNX file, or as artifacts for ONNX Runtime Training",
		Description: `pmx build-graph --preset cifar-tiny --out step.onnx
pmx build-graph --preset cifar-tiny --set batch=64 --set drop_path=0 --out step.onnx
pmx build-graph --preset quickstart --out step.onnx --state initial.safetensors
pmx build-graph --preset cifar-tiny --format ort-training --out ort-artifacts

The file holds forward pass, backward pass and AdamW. Weights, optimizer state
and hyper-parameters are its inputs and outputs, so any stock ONNX Runtime can
train with it from any language; examples/train_step.py does so in Python. The
metadata property pmx.step says in JSON what each input and output is, and so does
step.json beside it. "pmx inspect step.onnx" prints it. With --state the state to start from is written
too, weights drawn from the seed and zeros, each tensor under its input's name: a
checkpoint, in the safetensors format.

With --format ort-training the same step becomes the four artifacts of ONNX
Runtime Training 1.19: training_model.onnx, eval_model.onnx,
optimizer_model.onnx and checkpoint, the last with initial weights drawn from
the seed. Its published interfaces (C, Python, C++, C#) train with them.`,
		Flags: append(recipeFlags(),
			&cli.StringFlag{Name: "out", Usage: "write the step to `FILE`, or the artifacts into a folder of that name", Required: true},
			&cli.StringFlag{Name: "state", Usage: "write the step's initial state to `FILE`, as safetensors"},
			&cli.StringFlag{Name: "format", Value: formatStep, Usage: "`FORMAT` of what is written: step or ort-training"},
			&cli.BoolFlag{Name: "overwrite", Usage: "replace the artifacts in --out"},
		),
		Action: func(c *cli.Context) error {
			r, err := validRecipe(c)
			if err != nil {
				return err
			}
			switch format := c.String("format"); format {
			case formatStep:
				if c.IsSet("overwrite") {
					return usageErrorf("--overwrite is for --format %s: a step file is replaced", formatORTTraining)
				}
				if c.IsSet("seed") && !c.IsSet("state") {
					return usageErrorf("--seed is for --state and for --format %s: a step file holds no weights", formatORTTraining)
				}
				out, state := c.String("out"), c.String("state")
				outputs := []commandFile{flagFile(c, "out"), flagFile(c, "state"), {"the description beside --out", descriptionPath(out)}}
				if err := checkOutputs(outputs, []commandFile{flagFile(c, "config")}); err != nil {
					return err
				}
				return writeStep(c.Context, said(c, out, state), r, out, state)
			case formatORTTraining:
				if c.IsSet("state") {
					return usageErrorf("--state is for --format %s: these artifacts have a checkpoint of their own", formatStep)
				}
				return writeORTTraining(c.Context, c.App.Writer, r, c.String("out"), c.Bool("overwrite"))
			default:
				return usageErrorf("--format %s: want %s or %s", format, formatStep, formatORTTraining)
			}
		},
	}
})

// writeStep writes a step file and, unless its name is "", the state to start from.
func writeStep(ctx context.Context, w io.Writer, r tasks.Recipe, out, state string) error {
	if state != "" {
		if err := tasks.NeedState(r, 1); err != nil {
			return err
		}
	}
	s, err := tasks.BuildStep(ctx, r)
	if err != nil {
		return err
	}
	if state != "" { // first: a step file is there only with all that was asked for
		if err := writeInitialState(ctx, state, s, r); err != nil {
			return err
		}
		fmt.Fprintf(w, "wrote %s\n", state)
	}
	if err := writeModel(ctx, s.Model, out); err != nil {
		return err
	}
	fmt.Fprintf(w, "wrote %s\n", out)
	if !isRegular(out) { // a pipe's content is its reader's
		return nil
	}
	description := descriptionPath(out)
	if err := writeDescription(ctx, description, s); err != nil {
		return err
	}
	fmt.Fprintf(w, "wrote %s\n", description)
	return inspectFile(w, out)
}

// descriptionPath is where the description of a step file lies: step.json beside
// step.onnx.
func descriptionPath(model string) string {
	return strings.TrimSuffix(model, filepath.Ext(model)) + ".json"
}

// writeDescription writes what the step file's metadata says, for programs that cannot
// read a model's metadata.
func writeDescription(ctx context.Context, path string, s *step.Step) error {
	return writeFile(ctx, path, func(w io.Writer) error {
		e := json.NewEncoder(w)
		e.SetIndent("", "  ")
		return e.Encode(s)
	})
}

// writeModel writes a model, in one file where that can hold it.
func writeModel(ctx context.Context, m *onnxgraph.Model, path string) error {
	if m.ConstantBytes() > onnxgraph.ExternalAbove {
		return m.WriteFile(path)
	}
	data, err := cancel.Unless(ctx, m.Marshal)
	if err != nil {
		return err
	}
	return writeFile(ctx, path, func(w io.Writer) error { _, err := w.Write(data); return err })
}

// writeInitialState writes what a training by this recipe starts from, as its
// checkpoint after no step.
func writeInitialState(ctx context.Context, path string, s *step.Step, r tasks.Recipe) error {
	architecture, err := tasks.ArchitectureOf(r)
	if err != nil {
		return err
	}
	hash, err := tasks.ConfigHash(r)
	if err != nil {
		return err
	}
	hook := &training.CheckpointHook{ConfigHash: hash, Method: r.TaskName(), Arch: architecture, Seed: r.Common().Seed}
	return writeFile(ctx, path, func(w io.Writer) error {
		c, err := hook.Initial(s, s.InitialState(r.Common().Seed))
		if err != nil {
			return err
		}
		return c.Write(w)
	})
}
