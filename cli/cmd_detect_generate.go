package cli

import (
	"fmt"

	"github.com/urfave/cli/v2"

	"pmx/detection/coco"
)

var _ = register("detect generate", func() *cli.Command {
	d := coco.DefaultSynthetic()
	return &cli.Command{
		Usage: "make up a COCO dataset with detections, for benchmarks",
		Description: `pmx detect generate --gt gt.json --results boxes.json                  5,000 images, 100 boxes each
pmx detect generate --gt gt.json --results masks.json --masks          with masks instead of boxes
pmx detect generate --gt train.json --images 118287 --points 25        as large as train2017

The same flags give the same files. With and without --masks, --gt is the same.`,
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "gt", Required: true, Usage: "the instances `FILE` to write"},
			&cli.StringFlag{Name: "results", Usage: "the results `FILE` to write"},
			&cli.IntFlag{Name: "images", Value: d.Images, Usage: "`NUMBER` of images"},
			&cli.Float64Flag{Name: "objects", Value: d.Objects, Usage: "mean `NUMBER` of objects of an image"},
			&cli.IntFlag{Name: "points", Value: d.Points, Usage: "mean `NUMBER` of points of an outline"},
			&cli.IntFlag{Name: "categories", Value: d.Categories, Usage: "`NUMBER` of categories"},
			&cli.IntFlag{Name: "detections", Value: d.Detections, Usage: "`NUMBER` of detections of an image"},
			&cli.BoolFlag{Name: "masks", Usage: "detections are masks, not boxes"},
			&cli.Uint64Flag{Name: "seed", Value: d.Seed, Usage: "`NUMBER` that decides everything random"},
		},
		Action: generateDetections,
	}
})

func generateDetections(c *cli.Context) error {
	s := coco.Synthetic{
		Images: c.Int("images"), Objects: c.Float64("objects"), Points: c.Int("points"), Categories: c.Int("categories"),
		Detections: c.Int("detections"), Masks: c.Bool("masks"), Seed: c.Uint64("seed"),
	}
	if err := s.Validate(); err != nil {
		return usageErrorf("--%s", oneLine(err))
	}
	if err := checkOutputs([]commandFile{flagFile(c, "gt"), flagFile(c, "results")}, nil); err != nil {
		return err
	}
	out := said(c, c.String("gt"), c.String("results"))
	if err := writeFile(c.Context, c.String("gt"), s.WriteDataset); err != nil {
		return err
	}
	fmt.Fprintf(out, "%s: %d images\n", c.String("gt"), s.Images)
	if path := c.String("results"); path != "" {
		if err := writeFile(c.Context, path, s.WriteResults); err != nil {
			return err
		}
		fmt.Fprintf(out, "%s: %d detections\n", path, s.Images*s.Detections)
	}
	return nil
}
