package cli

import (
	"fmt"

	"github.com/urfave/cli/v2"

	"pmx/builders"
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
pmx build-graph --preset cifar-tiny --format ort-training --out artifacts

The file holds forward pass, backward pass and AdamW. Weights, optimizer state
and hyper-parameters are its inputs and outputs, so any stock ONNX Runtime can
train with it from any language; examples/train_step.py does so in Python. The
metadata property pmx.step says in JSON what each input and output is.
"pmx inspect step.onnx" prints it.

With --format ort-training the same step becomes the four artifacts of ONNX
Runtime Training 1.19: training_model.onnx, eval_model.onnx,
optimizer_model.onnx and checkpoint, the last with initial weights drawn from
the seed. Its published interfaces (C, Python, C++, C#) train with them.`,
		Flags: append(recipeFlags(),
			&cli.StringFlag{Name: "out", Usage: "write the step to `FILE`, or the artifacts into a folder of that name", Required: true},
			&cli.StringFlag{Name: "format", Value: formatStep, Usage: "`FORMAT` of what is written: step or ort-training"},
			&cli.Uint64Flag{Name: "seed", Usage: "draws the initial weights of --format ort-training; the same as --set seed=N"},
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
				for _, flag := range []string{"seed", "overwrite"} {
					if c.IsSet(flag) {
						return usageErrorf("--%s is for --format %s: a step file holds no weights and is replaced", flag, formatORTTraining)
					}
				}
				return writeStep(c, r)
			case formatORTTraining:
				return writeORTTraining(c.App.Writer, r, c.String("out"), c.Bool("overwrite"))
			default:
				return usageErrorf("--format %s: want %s or %s", format, formatStep, formatORTTraining)
			}
		},
	}
})

func writeStep(c *cli.Context, r Recipe) error {
	step, err := builders.Build(r.Config)
	if err != nil {
		return err
	}
	out := c.String("out")
	if err := step.Model.WriteFile(out); err != nil {
		return err
	}
	fmt.Fprintf(c.App.Writer, "wrote %s\n", out)
	return inspectFile(c.App.Writer, out)
}
