package cli

import (
	"context"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/urfave/cli/v2"

	"pmx/images"
	"pmx/patchmix"
	"pmx/tasks"
)

var _ = register("preview", func() *cli.Command {
	return &cli.Command{
		Usage: "draw what the views and mixed images of a recipe look like",
		Description: `pmx preview --preset quickstart --out sheet.png
pmx preview --preset imagenet-small --data folder:PHOTOS --out sheet.png
pmx preview --preset cifar-tiny --data cifar10:PATH --set mix_num=3 --set crop_scale_min=0.5 --out sheet.png

A row for each image: the original, both views, the mixed views with every patch
framed in the colour of the image that it comes from, and local crops; below, images
of the mixes that have no row, and the soft targets. It is the first batch of a training with this seed, but smaller.

` + dataHelp(),
		Flags: append(recipeFlags(),
			&cli.StringFlag{Name: "data", Usage: "show these images, `SPEC`; the same as --set data=SPEC"},
			&cli.IntFlag{Name: "images", Value: 8, Usage: "images in the batch; 8 are drawn at most"},
			&cli.StringFlag{Name: "out", Usage: "write the PNG `FILE`", Required: true},
		),
		Action: preview,
	}
})

func preview(c *cli.Context) error {
	if n := c.Int("images"); n < 2 {
		return usageErrorf("--images %d: want 2 or more, each is mixed with others", n)
	}
	recipe, err := recipeOf(c)
	if err != nil {
		return err
	}
	if c.IsSet("data") {
		recipe.Common().Data = c.String("data")
	}
	if err := tasks.Check(recipe); err != nil {
		return withCode(ExitUsage, err)
	}
	r, err := contrastive(recipe, "pmx preview")
	if err != nil {
		return err
	}
	r.Batch = c.Int("images")
	if err := r.Validate(); err != nil { // a number of images that the recipe cannot mix, or none
		return usageErrorf("--images %d: %s", r.Batch, oneLine(err))
	}
	if err := tasks.NeedMemory("a batch of these images", r.Sizes().Images, "lower --images or image_size"); err != nil {
		return err
	}
	out := c.String("out")
	if strings.ToLower(filepath.Ext(out)) != ".png" {
		return usageErrorf("--out %s: want a name that ends in .png, which is what is written", out)
	}
	if err := checkOutputs([]commandFile{flagFile(c, "out")}, []commandFile{flagFile(c, "config")}); err != nil {
		return err
	}
	source, err := tasks.Source(c.Context, r.Common())
	if err != nil {
		return recipeExit(err)
	}
	data, err := tasks.OpenSplit(c.Context, source, images.Train)
	if err != nil {
		return err
	}
	printNotes(c.App.ErrWriter, images.Notes(data))
	if err := checkSheet(c, out, source, data); err != nil {
		return err
	}
	config, err := r.LoaderConfig(0)
	if err != nil {
		return err
	}
	loader, err := patchmix.NewLoader(data, config)
	if err != nil {
		return err
	}
	defer loader.Close()
	batch, err := loader.Next(c.Context)
	if err != nil {
		return err
	}
	err = writeFile(c.Context, out, func(w io.Writer) error { return patchmix.Preview(c.Context, w, batch, data, config) })
	if err != nil {
		return err
	}
	fmt.Fprintf(c.App.Writer, "wrote %s: %d images of %s\n", out, min(8, r.Batch), data.Name())
	return nil
}

// checkSheet refuses a sheet in the place of one of the images, those for testing too.
func checkSheet(c *cli.Context, out string, source *images.Source, training images.Dataset) error {
	if !isRegular(out) { // most often there is nothing: no need to list more images
		return nil
	}
	datasets := []images.Dataset{training}
	if test, err := tasks.OpenSplit(c.Context, source, images.Test); err == nil { // there may be none
		datasets = append(datasets, test)
	}
	for _, d := range datasets {
		if images.HoldsFile(d, out) {
			return usageErrorf("--out %s is one of the images of %s: name another file", out, d.Name())
		}
	}
	return context.Cause(c.Context)
}
