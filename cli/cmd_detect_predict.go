package cli

import (
	"fmt"
	"image/png"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"pmx/detection"
	"pmx/detection/coco"
	"pmx/images"
	"pmx/tasks"
)

// resultsName is the file beside the pictures that detect predict draws.
const resultsName = "results.json"

var _ = register("detect predict", func() *cli.Command {
	return &cli.Command{
		Usage:     "find objects in pictures with a trained detector, draw them and write them down",
		ArgsUsage: "RUN IMAGE|FOLDER...",
		Description: `pmx detect predict runs/det photo.jpg --out found
pmx detect predict runs/det photos --out found --min-score 0.3

Writes each picture with what was found as PNG, and results.json: COCO's results with
boxes and masks in the pictures' pixels. Pictures are numbered from 1 there in the order
of their names on the command line and in folders.`,
		Flags: append([]cli.Flag{
			&cli.StringFlag{Name: "out", Required: true, Usage: "the `DIR` to write to"},
			&cli.Float64Flag{Name: "min-score", Value: 0.5, Usage: "leave out what is less sure than this `SCORE`"},
		}, runtimeFlags()...),
		Action: predict,
	}
})

func predict(c *cli.Context) error {
	if c.NArg() < 2 {
		return usageErrorf("name a run and a picture, see `pmx detect predict --help`")
	}
	pictures, err := pictureFiles(c.Args().Tail())
	if err != nil {
		return err
	}
	detector, _, err := openDetector(c, c.Args().First())
	if err != nil {
		return err
	}
	defer detector.Close()
	dir := c.String("out")
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return err
	}
	var all coco.Results
	names := map[string]bool{}
	bar := newProgress(c.App.ErrWriter, "detecting", int64(len(pictures)))
	err = detector.DetectAll(c.Context, detection.Files(pictures), func(p *detection.Picture, found coco.Instances) error {
		found = sure(found, c.Float64("min-score"))
		results, err := found.Results(p.ID)
		if err != nil {
			return err
		}
		all = append(all, results...)
		bar.update(p.ID)
		return drawFound(c, detector, p.Path, freeName(names, p.Path), found)
	})
	bar.done()
	if err != nil {
		return err
	}
	if err := writeFile(c.Context, filepath.Join(dir, resultsName), all.Write); err != nil {
		return err
	}
	fmt.Fprintf(c.App.Writer, "%s: %d detections in %d pictures\n", filepath.Join(dir, resultsName), len(all), len(pictures))
	return nil
}

// drawFound draws what was found in a picture.
func drawFound(c *cli.Context, d *tasks.Detector, path, name string, found coco.Instances) error {
	img := new(images.Image)
	if err := images.ReadUpright(c.Context, path, img); err != nil {
		return err
	}
	var objects []coco.Drawn
	for i, category := range found.Categories {
		at := slices.IndexFunc(d.Categories, func(k coco.Category) bool { return k.ID == category })
		objects = append(objects, coco.Drawn{
			Box: found.Boxes[i].XYWH(), Mask: found.Masks[i], Color: coco.Palette(category),
			Label: fmt.Sprintf("%s %.2f", d.Categories[at].Name, found.Scores[i]),
		})
	}
	drawn, err := coco.Draw(img, objects)
	if err != nil {
		return err
	}
	return writeFile(c.Context, filepath.Join(c.String("out"), name), func(w io.Writer) error { return png.Encode(w, drawn) })
}

// sure are the instances with a score of at least least. They are in falling order.
func sure(in coco.Instances, least float64) coco.Instances {
	n := 0
	for n < in.Len() && in.Scores[n] >= least {
		n++
	}
	return coco.Instances{Boxes: in.Boxes[:n], Scores: in.Scores[:n], Categories: in.Categories[:n], Masks: in.Masks[:n]}
}

// pictureEndings are those of the files that are taken from folders.
var pictureEndings = []string{".bmp", ".gif", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"}

// pictureFiles are the files that are named, and those in folders that are.
func pictureFiles(paths []string) (files []string, err error) {
	for _, path := range paths {
		info, err := os.Stat(path)
		if err != nil {
			return nil, err
		}
		if !info.IsDir() {
			files = append(files, path)
			continue
		}
		entries, err := os.ReadDir(path)
		if err != nil {
			return nil, err
		}
		before := len(files)
		for _, e := range entries {
			if !e.IsDir() && slices.Contains(pictureEndings, strings.ToLower(filepath.Ext(e.Name()))) {
				files = append(files, filepath.Join(path, e.Name()))
			}
		}
		if len(files) == before {
			return nil, usageErrorf("%s holds no pictures (%s)", path, strings.Join(pictureEndings, " "))
		}
	}
	return files, nil
}

// freeName is the name of the PNG of a picture that none before it has.
func freeName(taken map[string]bool, path string) string {
	base := strings.TrimSuffix(filepath.Base(path), filepath.Ext(path))
	name := base + ".png"
	for k := 2; taken[name]; k++ {
		name = fmt.Sprintf("%s-%d.png", base, k)
	}
	taken[name] = true
	return name
}
