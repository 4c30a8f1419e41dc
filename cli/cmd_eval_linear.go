package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"

	"github.com/urfave/cli/v2"

	"pmx/artifacts"
	"pmx/builders"
	"pmx/export"
	"pmx/images"
	"pmx/internal/progress"
	"pmx/internal/table"
	"pmx/tasks"
)

var _ = register("eval linear", func() *cli.Command {
	return &cli.Command{
		Usage:     "train linear classifiers on frozen features and test them",
		ArgsUsage: "RUN|FILE|FOLDER",
		Description: `pmx eval linear runs/first                                 52 heads on features that are computed once
pmx eval linear runs/first --preset linear-augmented       the same with random crops and flips, as published results
pmx eval linear vit.safetensors --heads 12 --data folder:photos --json-out probe.json

The encoder is frozen. A linear classifier (head) for each learning rate and each
feature is trained beside the others: the class tokens of the last block or of the last
four, with or without the mean of the patch tokens. The head is chosen on a tenth of the
training images that is kept out of training, never on the test images.

Reported are the chosen head after the last epoch, and as published code does after the
best epoch, which is chosen on the test images and so too high; the number of images and
the standard error; what always answering the most frequent class and linear classifiers
of the raw pixels reach; every class and the confusion matrix.

Presets: linear (the default), linear-augmented (DINOv2's sweep), patchmix-linear and
patchmix-linear-cifar (the published code of PatchMix: one head, 100 epochs).
Their keys are printed by "pmx presets NAME"; --set changes them.

` + dataHelp(),
		Flags: append(append(probeFlags(),
			&cli.StringFlag{Name: "data", Usage: "train and test on these images, `SPEC`; default: those of the run"},
			&cli.Float64Flag{Name: "hold-out", Usage: "test on this part of the images where there are no test images"},
			encoderFlag(),
			headsFlag(),
			onBadImageFlag(),
			&cli.BoolFlag{Name: "no-raw-pixels", Usage: "leave out the linear classifiers of raw pixels"},
			&cli.IntFlag{Name: "workers", Usage: "goroutines that prepare images; 0 is one per core. The numbers do not depend on it"},
			&cli.StringFlag{Name: "json-out", Usage: "write all results to `FILE` as JSON"},
		), runtimeFlags()...),
		Action: evalLinear,
	}
})

// probeFlags are the flags of a recipe that an encoder leaves open.
func probeFlags() []cli.Flag {
	return slices.DeleteFunc(recipeFlags(), func(f cli.Flag) bool {
		return slices.Contains([]string{"task", "lr", "image-size"}, f.Names()[0])
	})
}

func evalLinear(c *cli.Context) error {
	if c.NArg() != 1 {
		return usageErrorf("name one run, checkpoint, or file or folder of weights, got %d, see `pmx eval linear --help`", c.NArg())
	}
	if c.Int("workers") < 0 || c.Int("workers") > maxThreads {
		return usageErrorf("--workers %d: want 0 (one per core) to %d", c.Int("workers"), maxThreads)
	}
	encoder, err := openEncoder(c, c.Args().First())
	if err != nil {
		return err
	}
	r, err := probeRecipe(c, encoder)
	if err != nil {
		return err
	}
	data, err := dataOf(c.Args().First(), encoder)
	if err != nil {
		return err
	}
	train, test, err := imagesToClassify(c, data)
	if err != nil {
		return err
	}
	printNotes(c.App.ErrWriter, slices.Concat(images.Notes(train), tasks.AccuracyNotes(train, test)))
	o := tasks.ProbeOptions{
		Encoder: encoder.Tensors, Train: train, Test: test, Workers: c.Int("workers"), RawPixels: !c.Bool("no-raw-pixels"), Log: c.App.ErrWriter,
	}
	if o.Runtime, o.Options, err = runtimeOf(c); err != nil {
		return err
	}
	bar := &progressBar{out: c.App.ErrWriter}
	o.Progress = bar.show
	result, err := tasks.MeasureProbe(c.Context, r, o)
	bar.done()
	printSkipped(c.App.ErrWriter, train)
	printSkipped(c.App.ErrWriter, test)
	if err != nil {
		return recipeExit(err)
	}
	report := probeReport{Model: encoder.Name(), Path: encoder.Path, Step: encoder.Step, Train: train.Name(), Test: test.Name(), Recipe: r, ProbeResult: result}
	if err := printProbe(c.App.Writer, report); err != nil || c.String("json-out") == "" {
		return err
	}
	return writeFile(c.Context, c.String("json-out"), func(w io.Writer) error {
		e := json.NewEncoder(w)
		e.SetIndent("", " ")
		return e.Encode(report)
	})
}

// probeRecipe takes the recipe from the flags, and its architecture from the encoder.
func probeRecipe(c *cli.Context, encoder *export.Encoder) (*tasks.Probe, error) {
	if c.String("preset") == "" && c.String("config") == "" {
		if err := c.Set("preset", "linear"); err != nil {
			return nil, err
		}
	}
	recipe, err := recipeOf(c)
	if err != nil {
		return nil, err
	}
	r, ok := recipe.(*tasks.Probe)
	if !ok {
		return nil, usageErrorf("the recipe is of task %s: take a preset of linear probes, such as linear or patchmix-linear", recipe.TaskName())
	}
	r.ViTConfig, r.Mean, r.Std = encoder.Config, encoder.Mean, encoder.Std
	var blocks builders.IntSet
	for _, n := range r.Blocks {
		if n = min(n, r.Depth); !slices.Contains(blocks, n) {
			blocks = append(blocks, n)
		}
	}
	r.Blocks = blocks
	return r, nil
}

// dataOf is what the run of an encoder was trained on; empty of an encoder that is not a
// run's.
func dataOf(path string, encoder *export.Encoder) (tasks.Base, error) {
	if encoder.Path == path {
		return tasks.Base{}, nil
	}
	run, err := artifacts.ViewRun(path)
	if err != nil {
		return tasks.Base{}, err
	}
	r, err := tasks.RunRecipe(run)
	if err != nil {
		return tasks.Base{}, err
	}
	return *r.Common(), nil
}

// probeReport is the JSON of eval linear; accuracies are in percent.
type probeReport struct {
	Model  string       `json:"model"`
	Path   string       `json:"path"`
	Step   int64        `json:"step"` // steps that pmx trained the encoder
	Train  string       `json:"train"`
	Test   string       `json:"test"`
	Recipe *tasks.Probe `json:"recipe"`
	*tasks.ProbeResult
}

// headsShown is how many heads are printed, the best ones.
const headsShown = 5

func printProbe(out io.Writer, r probeReport) error {
	fmt.Fprintf(out, "%s: linear probe on %s, %d epochs of %s images, tested on %s images of %s\n",
		r.Model, r.Train, r.Epochs, progress.Count(int64(r.TrainImages)), progress.Count(int64(r.TestImages)), r.Test)
	if r.SelectImages > 0 {
		heads := slices.Clone(r.Heads)
		slices.SortStableFunc(heads, func(a, b tasks.HeadResult) int {
			switch {
			case *a.SelectTop1 > *b.SelectTop1:
				return -1
			case *a.SelectTop1 < *b.SelectTop1:
				return 1
			}
			return 0
		})
		fmt.Fprintf(out, "the best of %d heads on %s training images kept out of training:\n", len(heads), progress.Count(int64(r.SelectImages)))
		w := table.New(out)
		w.Row("FEATURE", "RATE", "KEPT OUT %", "TEST %")
		for _, h := range heads[:min(headsShown, len(heads))] {
			w.Row(h.Feature, h.Rate, fmt.Sprintf("%.2f", *h.SelectTop1), fmt.Sprintf("%.2f", h.LastTop1))
		}
		if err := w.Flush(); err != nil {
			return err
		}
	}
	fmt.Fprintf(out, "chosen: %s, rate %g; after epoch %d, the best on the test images, %.2f%%; after the last:\n", r.Chosen.Feature, r.Chosen.Rate, r.Chosen.BestEpoch, r.Chosen.BestTop1)
	if err := printClassification(out, r.Last); err != nil {
		return err
	}
	if r.RawPixels != nil {
		fmt.Fprintf(out, "linear classifiers of raw pixels: %.2f%% (rate %g)\n", r.RawPixels.LastTop1, r.RawPixels.Rate)
	}
	if rates := r.Recipe.Rates; len(rates) > 1 && (r.Chosen.Rate == slices.Min(rates) || r.Chosen.Rate == slices.Max(rates)) {
		fmt.Fprintf(out, "the chosen rate is at the end of the range: others beyond it may be better (--set rates=...)\n")
	}
	return nil
}
