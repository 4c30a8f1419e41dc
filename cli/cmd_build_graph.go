package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"io"

	"github.com/urfave/cli/v2"

	"pmx/artifacts"
	"pmx/builders"
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
metadata property pmx.step says in JSON what each input and output is.
"pmx inspect step.onnx" prints it. With --state the state to start from is written
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
			&cli.Uint64Flag{Name: "seed", Usage: "draws the initial weights of --state and of --format ort-training; the same as --set seed=N"},
			&cli.BoolFlag{Name: "overwrite", Usage: "replace the artifacts in --out"},
		),
		Action: func(c *cli.Context) error {
			r, err := recipeOf(c)
			if err != nil {
				return err
			}
			if c.IsSet("seed") {
				r.Seed = c.Uint64("seed")
			}
			if err := r.Validate(); err != nil {
				return withCode(ExitUsage, err)
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
				if err := checkOutputs([]commandFile{flagFile(c, "out"), flagFile(c, "state")}, []commandFile{flagFile(c, "config")}); err != nil {
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
func writeStep(ctx context.Context, w io.Writer, r Recipe, out, state string) error {
	if state != "" {
		if err := needState(r, 1); err != nil {
			return err
		}
	}
	step, err := buildStep(ctx, r)
	if err != nil {
		return err
	}
	if state != "" { // first: a step file is there only with all that was asked for
		if err := writeInitialState(ctx, state, step, r); err != nil {
			return err
		}
		fmt.Fprintf(w, "wrote %s\n", state)
	}
	if err := writeModel(ctx, step.Model, out); err != nil {
		return err
	}
	fmt.Fprintf(w, "wrote %s\n", out)
	if !isRegular(out) { // a pipe's content is its reader's
		return nil
	}
	return inspectFile(w, out)
}

// writeModel writes a model, in one file where that can hold it.
func writeModel(ctx context.Context, m *onnxgraph.Model, path string) error {
	if m.ConstantBytes() > onnxgraph.ExternalAbove {
		return m.WriteFile(path)
	}
	data, err := unlessStopped(ctx, m.Marshal)
	if err != nil {
		return err
	}
	return writeFile(ctx, path, func(w io.Writer) error { _, err := w.Write(data); return err })
}

// writeInitialState writes what a training by this recipe starts from, as its
// checkpoint after no step.
func writeInitialState(ctx context.Context, path string, step *builders.Step, r Recipe) error {
	architecture, err := json.Marshal(builders.Architecture(step.Config))
	if err != nil {
		return err
	}
	hash, err := artifacts.ConfigHash(r, resumeMayChange...)
	if err != nil {
		return err
	}
	hook := &training.CheckpointHook{ConfigHash: hash, Method: r.Method, Arch: architecture, Seed: r.Seed}
	return writeFile(ctx, path, func(w io.Writer) error {
		c, err := hook.Initial(step)
		if err != nil {
			return err
		}
		return c.Write(w)
	})
}
