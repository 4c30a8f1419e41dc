package cli

import (
	"encoding/json"
	"fmt"
	"io"

	"github.com/urfave/cli/v2"

	"pmx/evaluation"
	"pmx/images"
	"pmx/tasks"
)

var _ = register("eval classifier", func() *cli.Command {
	return &cli.Command{
		Usage:     "measure a fine-tuned classifier on test images",
		ArgsUsage: "RUN|CLASSIFIER",
		Description: `pmx eval classifier runs/clf                                     its own test images
pmx eval classifier runs/clf/classifier.onnx --data PHOTOS       other images
pmx eval classifier runs/clf --json-out clf.json

Prints the accuracy with its standard error and number of images, what always answering
the most frequent class would reach, each class, and the confusion matrix. Of --data
without a test part all images are classified. Classes are matched by their names.

` + dataHelp(),
		Flags: append([]cli.Flag{
			&cli.StringFlag{Name: "data", Usage: "classify these images, `SPEC`; default: those of the run"},
			&cli.Float64Flag{Name: "hold-out", Usage: "classify this part of the images where there are no test images"},
			&cli.IntFlag{Name: "batch", Value: 64, Usage: "images that pass the classifier at a time"},
			&cli.StringFlag{Name: "json-out", Usage: "write the report to `FILE` as JSON"},
		}, runtimeFlags()...),
		Action: evalClassifier,
	}
})

func evalClassifier(c *cli.Context) error {
	if c.NArg() != 1 {
		return usageErrorf("name one run or classifier.onnx, got %d, see `pmx eval classifier --help`", c.NArg())
	}
	if c.Int("batch") < 1 {
		return usageErrorf("--batch %d: want at least 1", c.Int("batch"))
	}
	m, err := tasks.OpenClassifier(c.Context, c.Args().First())
	if err != nil {
		return err
	}
	d, err := classifierImages(c, m.Data)
	if err != nil {
		return err
	}
	printNotes(c.App.ErrWriter, images.Notes(d))
	backend, options, err := runtimeOf(c)
	if err != nil {
		return err
	}
	bar := &progressBar{out: c.App.ErrWriter}
	result, err := m.Measure(c.Context, tasks.Env{Runtime: backend, Options: options, Progress: bar.show}, d, c.Int("batch"))
	bar.done()
	if err != nil {
		return err
	}
	report := classifierReport{m.Name, d.Name(), result.Report(m.Info.Classes)}
	fmt.Fprintf(c.App.Writer, "%s on %s:\n", report.Model, report.Data)
	if err := printClassification(c.App.Writer, report.ClassificationReport); err != nil || c.String("json-out") == "" {
		return err
	}
	return writeFile(c.Context, c.String("json-out"), func(w io.Writer) error {
		e := json.NewEncoder(w)
		e.SetIndent("", " ")
		return e.Encode(report)
	})
}

// classifierReport is the JSON of eval classifier; accuracies are in percent.
type classifierReport struct {
	Model string `json:"model"`
	Data  string `json:"data"`
	*evaluation.ClassificationReport
}

// classifierImages opens those of the run, or of the flags.
func classifierImages(c *cli.Context, data tasks.Base) (images.Dataset, error) {
	own := !c.IsSet("data")
	if !own {
		data = tasks.Base{Data: c.String("data")}
	}
	if c.IsSet("hold-out") {
		if data.HoldOut = c.Float64("hold-out"); !(data.HoldOut >= 0 && data.HoldOut < 1) {
			return nil, usageErrorf("--hold-out %g: want a part of the images, from 0 to below 1", data.HoldOut)
		}
	}
	source, err := tasks.Source(c.Context, &data)
	if err != nil {
		return nil, recipeExit(err)
	}
	return tasks.ClassifierImages(c.Context, source, own || data.HoldOut > 0, "--hold-out 0.1")
}
