package cli

import (
	"fmt"
	"image"
	"image/color"
	imagedraw "image/draw"
	"image/png"
	"io"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"

	"pmx/detection"
	"pmx/detection/coco"
	"pmx/images"
)

// trainedFlags say how `detect show --as-trained` transforms the picture.
func trainedFlags() []cli.Flag {
	return []cli.Flag{
		&cli.BoolFlag{Name: "as-trained", Usage: "draw the picture and its targets as a detector is trained on them"},
		&cli.IntFlag{Name: "image-size", Value: 512, Usage: "as trained: `SIDE` of the network's square in pixels"},
		&cli.StringFlag{Name: "scale", Usage: "as trained: large-scale jitter, `MIN,MAX` of the size that fits, such as 0.1,2"},
		&cli.StringFlag{Name: "shortest", Usage: "as trained: multi-scale, a `LIST` of lengths of the shorter side, such as 320,400,480"},
		&cli.Float64Flag{Name: "flip", Usage: "as trained: `PROBABILITY` of mirroring"},
		&cli.Uint64Flag{Name: "seed", Value: 1, Usage: "as trained: `NUMBER` that decides what is drawn by chance"},
	}
}

// trainedTransform is what the flags say.
func trainedTransform(c *cli.Context) (detection.Transform, error) {
	t := detection.Transform{Size: c.Int("image-size"), Flip: c.Float64("flip")}
	if text := c.String("scale"); text != "" {
		low, high, _ := strings.Cut(text, ",")
		var err error
		for i, v := range []string{low, high} {
			if t.Scale[i], err = strconv.ParseFloat(strings.TrimSpace(v), 64); err != nil {
				return t, usageErrorf("--scale %s: want two numbers, such as 0.1,2", text)
			}
		}
	}
	if text := c.String("shortest"); text != "" {
		for v := range strings.SplitSeq(text, ",") {
			side, err := strconv.Atoi(strings.TrimSpace(v))
			if err != nil {
				return t, usageErrorf("--shortest %s: want whole numbers, such as 320,400,480", text)
			}
			t.Shortest = append(t.Shortest, side)
		}
	}
	if err := t.Check(); err != nil {
		return t, usageErrorf("%s", oneLine(err))
	}
	return t, nil
}

// showAsTrained draws the picture and its targets as detection.Loader makes them.
func showAsTrained(c *cli.Context, photo string, hidden map[string]bool) error {
	if c.IsSet("results") {
		return usageErrorf("--results and --as-trained do not go together: leave one out")
	}
	t, err := trainedTransform(c)
	if err != nil {
		return err
	}
	scene, err := openScene(c, photo)
	if err != nil {
		return err
	}
	data, err := detection.OnePicture(scene, photo)
	if err != nil {
		return err
	}
	for _, note := range data.Notes() {
		fmt.Fprintln(c.App.ErrWriter, note)
	}
	picture := new(images.Image)
	if _, err := data.Sample(c.Context, 0, picture); err != nil {
		return err
	}
	img, target, err := t.Apply(picture, &data.Pictures[0], images.NewRand(c.Uint64("seed"), images.StreamView, 0, 0), new(detection.Workspace))
	if err != nil {
		return err
	}
	var objects []coco.Drawn
	for i, b := range target.Boxes {
		category := data.Categories[target.Classes[i]]
		box := coco.XYXY{float64(b[0]), float64(b[1]), float64(b[2]), float64(b[3])}
		d := coco.Drawn{Box: box.XYWH(), Mask: target.Masks[i], Label: category.Name, Color: coco.Palette(category.ID)}
		d.Hide(hidden["boxes"], hidden["masks"], hidden["labels"])
		if !hidden["gt"] {
			objects = append(objects, d)
		}
	}
	drawn, err := coco.Draw(img, objects)
	if err != nil {
		return err
	}
	square := image.NewRGBA(image.Rect(0, 0, t.Size, t.Size))
	imagedraw.Draw(square, square.Bounds(), image.NewUniform(color.Black), image.Point{}, imagedraw.Src)
	imagedraw.Draw(square, drawn.Bounds(), drawn, image.Point{}, imagedraw.Src)
	out := c.String("out")
	if err := writeFile(c.Context, out, func(w io.Writer) error { return png.Encode(w, square) }); err != nil {
		return err
	}
	fmt.Fprintf(said(c, out), "%s: %d of %d annotations of image %d as trained, the picture %dx%d in a square of %d\n",
		out, len(target.IDs), len(scene.Annotations), scene.Image.ID, target.W, target.H, t.Size)
	return nil
}
