package cli

import (
	"fmt"

	"github.com/urfave/cli/v2"

	"pmx/patchmix"
)

var _ = register("bench views", func() *cli.Command {
	return &cli.Command{
		Usage:     "time the image pipeline: decode, two views of the recipe, normalise",
		ArgsUsage: "[FOLDER]",
		Description: `pmx bench views FOLDER --size 224 --count 400           images from files, decoded each time
pmx bench views --noise 32 --size 32 --count 4000       noise of 32 pixels, nothing to decode

It does what torchvision and Pillow do in the usual two-crop pipeline, on one core
unless --workers says otherwise, and prints images per second, two views each.`,
		Flags: []cli.Flag{
			&cli.IntFlag{Name: "size", Value: 224, Usage: "side of the views in pixels"},
			&cli.IntFlag{Name: "count", Value: 400, Usage: "images to make views of"},
			&cli.IntFlag{Name: "noise", Usage: "take pictures of noise with sides of `N` pixels instead of a folder"},
			&cli.IntFlag{Name: "workers", Value: 1, Usage: "goroutines"},
			&cli.BoolFlag{Name: "json", Usage: "end with a line of JSON"},
		},
		Action: func(c *cli.Context) error {
			if c.NArg() > 1 || (c.NArg() == 1) == (c.Int("noise") > 0) {
				return usageErrorf("name one folder of images, or --noise N, see `pmx bench views --help`")
			}
			result, err := unlessStopped(c.Context, func() (patchmix.BenchResult, error) {
				return patchmix.BenchViews(c.Context, patchmix.BenchConfig{
					Dir: c.Args().First(), Noise: c.Int("noise"), Size: c.Int("size"), Count: c.Int("count"), Workers: c.Int("workers"),
				})
			})
			if err != nil {
				return err
			}
			fmt.Fprintf(c.App.Writer, "%.1f images/s, two views of %d pixels each, %d workers\n", result.ImagesPerSecond, result.Size, result.Workers)
			if !c.Bool("json") {
				return nil
			}
			return printJSON(c.App.Writer, result)
		},
	}
})
