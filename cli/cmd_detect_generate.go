package cli

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/urfave/cli/v2"

	"pmx/detection"
	"pmx/detection/coco"
	"pmx/images"
)

var _ = register("detect generate", func() *cli.Command {
	d := coco.DefaultSynthetic()
	return &cli.Command{
		Usage: "generate a COCO dataset: annotations with detections for benchmarks, or pictures to train on",
		Description: `pmx detect generate --scenes scenes                                    pictures: 1,000 to train on, 200 for validation
pmx detect generate --gt gt.json --results boxes.json                  5,000 images, 100 boxes each
pmx detect generate --gt gt.json --results masks.json --masks          with masks instead of boxes
pmx detect generate --gt train.json --images 118287 --points 25        as large as train2017

Scenes are pictures of 96x96 pixels with one to five of the images that are compiled
in, of ten classes, and their masks; validation has other images than training. With
--scenes, --images is the number of pictures to train on, and only --seed counts beside.

The same flags give the same files. With and without --masks, --gt is the same.`,
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "scenes", Usage: "write pictures and their annotations into this `FOLDER`"},
			&cli.StringFlag{Name: "gt", Usage: "the instances `FILE` to write"},
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
	switch scenes, gt := c.String("scenes"), c.String("gt"); {
	case scenes != "":
		return generateScenes(c, scenes)
	case gt == "":
		return usageErrorf("say what to write: --gt FILE, or --scenes FOLDER")
	}
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

// generateScenes writes a folder of pictures with annotations, as coco:FOLDER reads it.
func generateScenes(c *cli.Context, folder string) error {
	for _, flag := range []string{"gt", "results", "objects", "points", "categories", "detections", "masks"} {
		if c.IsSet(flag) {
			return usageErrorf("--%s and --scenes do not go together: leave one out", flag)
		}
	}
	if entries, err := os.ReadDir(folder); err == nil && len(entries) > 0 {
		return usageErrorf("--scenes %s: the folder has files already: name a new one", folder)
	} else if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	n := detection.SceneCount
	if c.IsSet("images") {
		n = c.Int("images")
	}
	out := said(c, folder)
	for _, part := range []struct {
		split, name string
		n           int
	}{{images.Train, "train", n}, {images.Test, "val", detection.SceneValidation}} {
		d, err := detection.Scenes(c.Context, part.split, part.n, c.Uint64("seed"))
		if err != nil {
			return err
		}
		if err := writeScenes(c, d, folder, part.name); err != nil {
			return err
		}
		fmt.Fprintf(out, "%s: %d pictures, %d objects\n", filepath.Join(folder, "images", part.name), d.Len(), d.Objects())
	}
	fmt.Fprintf(out, "train on them with --data coco:%s\n", folder)
	return nil
}

func writeScenes(c *cli.Context, d *detection.Dataset, folder, part string) error {
	pictures, annotations := filepath.Join(folder, "images", part), filepath.Join(folder, "annotations")
	if err := errors.Join(os.MkdirAll(pictures, 0o777), os.MkdirAll(annotations, 0o777)); err != nil {
		return err
	}
	shown := newProgress(c.App.ErrWriter, "writing "+pictures, int64(d.Len()))
	defer shown.done()
	for i := range d.Pictures {
		// Without the annotations, which come last, the folder is not a data set: pictures
		// need not be there whole or not at all.
		var picture bytes.Buffer
		if err := d.WritePicture(c.Context, &picture, i); err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(pictures, d.Pictures[i].Name), picture.Bytes(), 0o666); err != nil {
			return err
		}
		shown.update(int64(i + 1))
	}
	return writeFile(c.Context, filepath.Join(annotations, "instances_"+part+".json"), d.WriteInstances)
}
