package cli

import (
	"context"
	"fmt"
	"io"

	"github.com/urfave/cli/v2"

	"pmx/artifacts"
	"pmx/detection"
	"pmx/detection/coco"
	"pmx/tasks"
)

var _ = register("detect eval", func() *cli.Command {
	return &cli.Command{
		Usage:     "find objects with a trained detector, and score them as COCO does",
		ArgsUsage: "RUN",
		Description: `pmx detect eval runs/det                                  on the run's own held-out pictures
pmx detect eval runs/det --data coco:instances.json,pictures
pmx detect eval runs/det --per-category --curves curves --json-out scores.json

The pictures are scaled to the network's size, and boxes and masks back. Classes are those
of the run, found in the annotations by their names.`,
		Flags: append([]cli.Flag{
			&cli.StringFlag{Name: "data", Usage: "score on these pictures, `SPEC`; default: those that the run keeps for it"},
			&cli.StringFlag{Name: "results", Usage: "write the detections to `FILE`, as COCO's results"},
			&cli.BoolFlag{Name: "per-category", Usage: "add a table by category"},
			&cli.StringFlag{Name: "curves", Usage: "write precision/recall curves as SVG and CSV into `DIR`"},
			&cli.StringFlag{Name: "json-out", Usage: "write all numbers to `FILE`"},
		}, runtimeFlags()...),
		Action: evalDetector,
	}
})

func evalDetector(c *cli.Context) error {
	if c.NArg() != 1 {
		return usageErrorf("name one run, got %d, see `pmx detect eval --help`", c.NArg())
	}
	if err := checkOutputs(append(scoreOutputs(c), flagFile(c, "results")), nil); err != nil {
		return err
	}
	detector, recipe, err := openDetector(c, c.Args().First())
	if err != nil {
		return err
	}
	defer detector.Close()
	data, err := picturesToScore(c, recipe)
	if err != nil {
		return err
	}
	printNotes(c.App.ErrWriter, data.Notes())
	if err := detector.Use(data.Categories); err != nil {
		return err
	}
	bar := newProgress(c.App.ErrWriter, "detecting", int64(data.Len()))
	results, err := detector.Results(c.Context, data, func(done int) { bar.update(int64(done)) })
	bar.done()
	if err != nil {
		return err
	}
	if path := c.String("results"); path != "" {
		if err := writeFile(c.Context, path, results.Write); err != nil {
			return err
		}
	}
	evaluations, err := tasks.ScoreDetections(c.Context, data, results)
	if err != nil {
		return err
	}
	out := said(c, c.String("json-out"), c.String("results"))
	for _, e := range evaluations {
		if err := printScores(c, out, e, new(coco.IDs), true); err != nil {
			return err
		}
		if dir := c.String("curves"); dir != "" {
			if err := writeCurves(c.Context, dir, e); err != nil {
				return err
			}
		}
	}
	if path := c.String("json-out"); path != "" {
		return writeFile(c.Context, path, func(w io.Writer) error { return coco.WriteReport(w, evaluations) })
	}
	return nil
}

// openDetector is the detector of a run.
func openDetector(c *cli.Context, path string) (*tasks.Detector, *tasks.MaskRCNN, error) {
	run, err := artifacts.ViewRun(path)
	if err != nil {
		return nil, nil, err
	}
	backend, options, err := runtimeOf(c)
	if err != nil {
		return nil, nil, err
	}
	detector, recipe, err := tasks.OpenDetector(c.Context, run, tasks.Env{Runtime: backend, Options: options})
	return detector, recipe, recipeExit(err)
}

// picturesToScore are those of --data, or those that the run keeps.
func picturesToScore(c *cli.Context, recipe *tasks.MaskRCNN) (*detection.Dataset, error) {
	if spec := c.String("data"); spec != "" {
		return openPictures(c.Context, spec)
	}
	_, held, err := tasks.DetectionParts(c.Context, recipe.Common())
	if err != nil {
		return nil, recipeExit(fmt.Errorf("%w: if the pictures have moved, --data says where to", err))
	}
	if held == nil {
		return nil, usageErrorf("%s keeps no pictures to score on: name some by --data coco:INSTANCES.json,FOLDER", c.Args().First())
	}
	return held, nil
}

// openPictures are the validation part of a specification, or all of it.
func openPictures(ctx context.Context, spec string) (*detection.Dataset, error) {
	source, err := detection.Open(ctx, spec)
	if err != nil {
		return nil, err
	}
	if source.Validation != nil {
		return source.Validation, nil
	}
	return source.Train, nil
}
