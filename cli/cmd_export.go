package cli

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"

	"pmx/artifacts"
	"pmx/artifacts/weights"
	"pmx/builders"
	"pmx/export"
	"pmx/internal/cancel"
	"pmx/tasks"
)

var _ = register("export", func() *cli.Command {
	return &cli.Command{
		Usage:     "write a trained encoder as ONNX and as safetensors",
		ArgsUsage: "RUN|FILE|FOLDER",
		Description: `pmx export runs/first                                  runs/first/encoder.onnx and .safetensors
pmx export runs/first --with-preprocessing --resize --out photo.onnx
pmx export runs/first/checkpoints/000100.safetensors --dynamic-size --out any.onnx
pmx export runs/first --out vit.safetensors            the weights alone
pmx export runs/first --format timm --out vit-timm     a folder for timm.create_model
pmx export dino.pth --heads 6 --out dino.onnx          weights of others

encoder.onnx takes a batch of any size, "image", and gives "cls" [batch dim], "tokens"
[batch tokens dim] with the class token first, and "tokens_prenorm", the same before
the final norm. "image" is float [batch 3 height width], normalised with the ImageNet
mean and standard deviation, or with --with-preprocessing raw bytes [batch height width
3]. With --resize too, photographs go in as they are: they are resized and cropped in
the graph as for kNN, byte for byte as Pillow does it.

encoder.safetensors has the weights under timm's names and the architecture as metadata.
Both files are read again and compared with the features of the training graph before
they replace older files.

Weights of others are PyTorch files, safetensors or folders of timm, transformers,
DINO, DINOv2, MAE, MoCo v3, iBOT, DeiT, PatchMix, torchvision and OpenMMLab. What was
taken and dropped is told. Where a file does not say its attention heads, --heads does.`,
		Flags: append([]cli.Flag{
			&cli.StringFlag{Name: "out", Usage: "write the model to `FILE`.onnx and the weights beside it, or the weights alone to FILE.safetensors; default: encoder.onnx in the run"},
			&cli.BoolFlag{Name: "dynamic-size", Usage: "take images of any height and width that are multiples of the patch"},
			&cli.BoolFlag{Name: "with-preprocessing", Usage: "take raw bytes, [N H W 3], and normalise them in the graph"},
			&cli.BoolFlag{Name: "resize", Usage: "with --with-preprocessing: take images of any size, and resize and crop them in the graph as for kNN"},
			encoderFlag(),
			headsFlag(),
			&cli.StringFlag{Name: "format", Value: formatONNX, Usage: "write `FORMAT`: onnx, or weights for another library: " + strings.Join(weights.Formats(), ", ")},
		}, runtimeFlags()...),
		Action: exportCommand,
	}
})

// formatONNX is the format that no other library's is: a model, with the weights beside
// it.
const formatONNX = "onnx"

func exportCommand(c *cli.Context) error {
	if c.NArg() != 1 {
		return usageErrorf("name one run, checkpoint, or file or folder of weights, got %d, see `pmx export --help`", c.NArg())
	}
	source, out, format := c.Args().First(), c.String("out"), c.String("format")
	o := builders.EncoderOptions{DynamicSize: c.Bool("dynamic-size"), Preprocessing: c.Bool("with-preprocessing")}
	if c.Bool("resize") && (!o.Preprocessing || o.DynamicSize) {
		return usageErrorf("--resize takes raw images and makes them one size: write it with --with-preprocessing and without --dynamic-size")
	}
	if err := checkExport(source, &out, format, o); err != nil {
		return withCode(ExitUsage, err)
	}
	encoder, err := openEncoder(c, source)
	if err != nil {
		return err
	}
	if usual := weights.TimmHeads(encoder.Config.Dim); usual != 0 && usual != encoder.Config.Heads {
		printNotes(c.App.ErrWriter, []string{fmt.Sprintf("it has %d attention heads; timm's model of width %d has %d: a program that loads the weights must be given num_heads=%[1]d", encoder.Config.Heads, encoder.Config.Dim, usual)})
	}
	if format != formatONNX {
		err := cancel.UnlessDo(c.Context, func() error { return weights.Write(out, format, encoder.Weights()) })
		if err == nil {
			fmt.Fprintf(c.App.Writer, "wrote %s for %s\n", out, format)
		}
		return err
	}
	if c.Bool("resize") {
		o.Resize = tasks.EvalTransform(encoder.Config.ImageSize).Short()
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
	if err == nil && filepath.Ext(out) == export.ModelExt {
		fmt.Fprintln(c.App.Writer, "image: "+inputLine(encoder, o))
	}
	return err
}

// inputLine says what a model takes.
func inputLine(e *export.Encoder, o builders.EncoderOptions) string {
	side := strconv.Itoa(e.Config.ImageSize)
	h, w, rest := side, side, ""
	if o.DynamicSize {
		h, w, rest = "height", "width", fmt.Sprintf(", multiples of %d", e.Config.PatchSize)
	}
	switch {
	case o.Resize > 0:
		return fmt.Sprintf("bytes [batch height width 3], RGB, of any size: it scales the shorter side to %d and cuts out %s x %[2]s", o.Resize, side)
	case o.Preprocessing:
		return fmt.Sprintf("bytes [batch %s %s 3], RGB%s", h, w, rest)
	}
	a := e.Architecture()
	return fmt.Sprintf("float [batch 3 %s %s]%s, normalised with mean %v and standard deviation %v", h, w, rest, a.Mean, a.Std)
}

// checkExport says what is wrong with where an export goes, before anything is read and
// computed, and fills in the name that a run's has by default.
func checkExport(source string, out *string, format string, o builders.EncoderOptions) error {
	if format != formatONNX {
		f, err := weights.FormatNamed(format)
		switch {
		case err != nil:
			return err
		case *out == "":
			return fmt.Errorf("--format %s needs --out", format)
		case o.DynamicSize || o.Preprocessing:
			return fmt.Errorf("weights have no input to shape: --dynamic-size and --with-preprocessing are for --format %s", formatONNX)
		}
		if err := f.CheckPath(*out); err != nil {
			return err
		}
		return export.CheckReplaceable(*out)
	}
	if *out == "" {
		if info, err := os.Stat(artifacts.ManifestPath(source)); err != nil || !info.Mode().IsRegular() {
			return errors.New("what is not a run needs --out FILE")
		}
		*out = filepath.Join(source, artifacts.EncoderName)
	}
	if err := export.CheckName(*out, o); err != nil {
		return err
	}
	return export.CheckOutputs(*out)
}
