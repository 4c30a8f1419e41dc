package cli

import (
	"fmt"

	"github.com/urfave/cli/v2"

	"pmx/internal/cancel"
	"pmx/patchmix"
	"pmx/tasks"
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
			if err := checkViews(c); err != nil {
				return err
			}
			views, err := benchViews(c.Int("size"))
			if err != nil {
				return err
			}
			result, err := cancel.Unless(c.Context, func() (patchmix.BenchResult, error) {
				return patchmix.BenchViews(c.Context, patchmix.BenchConfig{
					Dir: c.Args().First(), Noise: c.Int("noise"), Size: c.Int("size"), Count: c.Int("count"), Workers: c.Int("workers"), Views: views,
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

// checkViews checks the numbers of bench views.
func checkViews(c *cli.Context) error {
	size, count, noise, workers := c.Int("size"), c.Int("count"), c.Int("noise"), c.Int("workers")
	if size < 1 || size > maxSide {
		return usageErrorf("--size %d: want 1 to %d pixels", size, maxSide)
	}
	if noise < 0 || noise > maxSide {
		return usageErrorf("--noise %d: want 1 to %d pixels", noise, maxSide)
	}
	if count < 1 || workers < 0 || workers > maxThreads {
		return usageErrorf("--count %d --workers %d: want at least 1, and 0 to %d", count, workers, maxThreads)
	}
	pictures := 64 * 3 * float64(noise) * float64(noise)
	views := 2 * 4 * 3 * float64(size) * float64(size)
	if err := tasks.NeedMemory("noise of this size", pictures, "lower --noise"); err != nil {
		return err
	}
	return tasks.NeedMemory("making views of this size at once", float64(max(workers, 1))*views, "lower --size or --workers")
}

// maxSide is the largest side of an image that is made.
const maxSide = 1 << 14

// benchViews are the views of the published CIFAR recipe, of another size.
func benchViews(size int) (patchmix.ViewsConfig, error) {
	p, err := tasks.LookupPreset("cifar-small")
	if err != nil {
		return patchmix.ViewsConfig{}, err
	}
	r, err := contrastive(p.Recipe(), "pmx bench views")
	if err != nil {
		return patchmix.ViewsConfig{}, err
	}
	r.ImageSize = size
	return r.ViewsConfig(), nil
}
