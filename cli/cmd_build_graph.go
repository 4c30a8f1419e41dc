package cli

import (
	"fmt"

	"github.com/urfave/cli/v2"

	"pmx/builders"
)

var _ = register("build-graph", func() *cli.Command {
	return &cli.Command{
		Usage: "write a whole training step as one ONNX file",
		Description: `pmx build-graph --preset cifar-tiny --out step.onnx
pmx build-graph --preset cifar-tiny --set batch=64 --set drop_path=0 --out step.onnx

The file holds forward pass, backward pass and AdamW. Weights, optimizer state
and hyper-parameters are its inputs and outputs, so any stock ONNX Runtime can
train with it from any language; examples/train_step.py does so in Python. The
metadata property pmx.step says in JSON what each input and output is.
"pmx inspect step.onnx" prints it.`,
		Flags: append(recipeFlags(), &cli.StringFlag{Name: "out", Usage: "write the step to `FILE`", Required: true}),
		Action: func(c *cli.Context) error {
			r, err := recipeOf(c)
			if err != nil {
				return err
			}
			if err := r.Validate(); err != nil {
				return withCode(ExitUsage, err)
			}
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
		},
	}
})
