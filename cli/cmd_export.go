package cli

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/urfave/cli/v2"

	"pmx/artifacts"
	"pmx/builders"
	"pmx/export"
	"pmx/tasks"
)

var _ = register("export", func() *cli.Command {
	return &cli.Command{
		Usage:     "write a trained encoder as ONNX and as safetensors",
		ArgsUsage: "RUN|CHECKPOINT",
		Description: `pmx export runs/first                                  runs/first/encoder.onnx and .safetensors
pmx export runs/first --with-preprocessing --out photo.onnx
pmx export runs/first/checkpoints/000100.safetensors --dynamic-size --out any.onnx
pmx export runs/first --out vit.safetensors            the weights alone

encoder.onnx takes a batch of any size, "image", and gives "cls" [batch dim] and
"tokens" [batch tokens dim], the class token first. "image" is float [batch 3
height width], normalised with ImageNet's mean and deviation, or with
--with-preprocessing raw bytes [batch height width 3]. encoder.safetensors has the weights under timm's names and the
architecture as metadata. Both are read again and compared with the features of
the training graph before they take the place of older files.`,
		Flags: append([]cli.Flag{
			&cli.StringFlag{Name: "out", Usage: "write the model to `FILE`.onnx and the weights beside it, or the weights alone to FILE.safetensors; default: encoder.onnx in the run"},
			&cli.BoolFlag{Name: "dynamic-size", Usage: "take images of any height and width that are multiples of the patch"},
			&cli.BoolFlag{Name: "with-preprocessing", Usage: "take raw bytes, [N H W 3], and normalise them in the graph"},
			encoderFlag(),
		}, runtimeFlags()...),
		Action: func(c *cli.Context) error {
			if c.NArg() != 1 {
				return usageErrorf("name one run or checkpoint, got %d, see `pmx export --help`", c.NArg())
			}
			source, out := c.Args().First(), c.String("out")
			if out == "" {
				info, err := os.Stat(source)
				if err == nil && !info.IsDir() {
					return usageErrorf("a checkpoint needs --out FILE")
				}
				out = filepath.Join(source, artifacts.EncoderName)
			}
			o := builders.EncoderOptions{DynamicSize: c.Bool("dynamic-size"), Preprocessing: c.Bool("with-preprocessing")}
			if err := export.CheckName(out, o); err != nil {
				return withCode(ExitUsage, err)
			}
			if err := export.CheckOutputs(out); err != nil { // before anything is read and computed
				return withCode(ExitUsage, err)
			}
			root, err := rootOf(c.String("encoder"))
			if err != nil {
				return err
			}
			encoder, err := export.ReadEncoder(c.Context, source, root)
			if err != nil {
				return err
			}
			runtime, options, err := runtimeOf(c)
			if err != nil {
				return err
			}
			bar := &progressBar{out: c.App.ErrWriter}
			lines, err := tasks.ExportEncoder(c.Context, encoder, out, o, tasks.Env{Runtime: runtime, Options: options, Progress: bar.show})
			bar.done()
			for _, line := range lines {
				fmt.Fprintln(c.App.Writer, line)
			}
			return err
		},
	}
})
