package cli

import (
	"fmt"
	"image"
	"image/png"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/urfave/cli/v2"

	"pmx/detection/coco"
	"pmx/images"
	"pmx/internal/cancel"
)

var _ = register("detect show", func() *cli.Command {
	return &cli.Command{
		Usage:     "draw boxes, masks, labels and scores on an image",
		ArgsUsage: "IMAGE",
		Description: `pmx detect show photo.jpg --gt instances.json --out shown.png
pmx detect show photo.jpg --gt instances.json --results results.json --min-score 0.5 --hide gt --out shown.png

pmx detect show photo.jpg --gt instances.json --as-trained --image-size 512 --scale 0.1,2 --flip 0.5 --seed 3 --out shown.png

Annotations have dashed boxes, detections solid ones. The image is found in the
ground truth by its file name, or by --image-id. It is turned as its EXIF data says.

With --as-trained the targets are drawn on the picture that the network gets:
turned by its EXIF orientation, scaled, cut and mirrored, boxes and masks with it,
without crowds. Another --seed draws another scale, place and flip.`,
		Flags: append([]cli.Flag{
			&cli.StringFlag{Name: "gt", Required: true, Usage: "the ground truth, an instances `FILE`; it has the names of categories, too"},
			&cli.StringFlag{Name: "results", Usage: "detections, a results `FILE`"},
			&cli.Int64Flag{Name: "image-id", Usage: "`ID` of the image in the ground truth"},
			&cli.Float64Flag{Name: "min-score", Value: .3, Usage: "leave out detections with a lower `SCORE`"},
			&cli.StringSliceFlag{Name: "hide", Usage: "leave out `WHAT`: gt, boxes, masks or labels; repeatable"},
			&cli.StringFlag{Name: "out", Aliases: []string{"o"}, Required: true, Usage: "the PNG `FILE` to write"},
		}, trainedFlags()...),
		Action: showDetections,
	}
})

func showDetections(c *cli.Context) error {
	if c.NArg() != 1 {
		return usageErrorf("name one image, not %d", c.NArg())
	}
	hidden := map[string]bool{"gt": false, "boxes": false, "masks": false, "labels": false}
	for _, what := range c.StringSlice("hide") {
		if _, known := hidden[what]; !known {
			return usageErrorf("--hide: %q, there are gt, boxes, masks and labels", what)
		}
		hidden[what] = true
	}
	photo, out := c.Args().First(), c.String("out")
	if err := checkOutputs([]commandFile{flagFile(c, "out")}, []commandFile{{"the image", photo}, flagFile(c, "gt"), flagFile(c, "results")}); err != nil {
		return err
	}
	if ext := filepath.Ext(out); ext != "" && !strings.EqualFold(ext, ".png") {
		return usageErrorf("--out %s: want a name that ends in .png, which is what is written", out)
	}
	if c.Bool("as-trained") {
		return showAsTrained(c, photo, hidden)
	}
	for _, flag := range trainedFlags()[1:] {
		if name := flag.Names()[0]; c.IsSet(name) {
			return usageErrorf("--%s is for --as-trained: add it", name)
		}
	}
	picture := new(images.Image)
	if err := images.ReadUpright(c.Context, photo, picture); err != nil {
		return err
	}
	scene, err := openScene(c, photo)
	if err != nil {
		return err
	}
	size, annotated := picture.Bounds().Size(), image.Pt(scene.Image.Width, scene.Image.Height)
	// Boxes are of the picture as it is shown, also where a file gives the size as it is stored.
	stored := annotated == image.Pt(size.Y, size.X) && isTurned(photo)
	if size != annotated && !stored && annotated.X > 0 && annotated.Y > 0 {
		return fmt.Errorf("%s has %d x %d pixels, and image %d of %s has %d x %d: name the picture that was annotated",
			photo, size.X, size.Y, scene.Image.ID, c.String("gt"), annotated.X, annotated.Y)
	}
	if hidden["gt"] {
		scene.Annotations = nil
	}
	if path := c.String("results"); path != "" {
		if err := cancel.UnlessDo(c.Context, func() error { return scene.OpenResults(path, c.Float64("min-score")) }); err != nil {
			return err
		}
	}
	if hidden["masks"] {
		scene.HideMasks()
	}
	objects, err := scene.Drawn(size.Y, size.X)
	if err != nil {
		return err
	}
	for i := range objects {
		objects[i].Hide(hidden["boxes"], hidden["masks"], hidden["labels"])
	}
	drawn, err := coco.Draw(picture, objects)
	if err != nil {
		return err
	}
	if err := writeFile(c.Context, out, func(w io.Writer) error { return png.Encode(w, drawn) }); err != nil {
		return err
	}
	fmt.Fprintf(said(c, out), "%s: %d annotations and %d detections of image %d\n", out, len(scene.Annotations), len(scene.Results), scene.Image.ID)
	return nil
}

// openScene finds the image in the ground truth.
func openScene(c *cli.Context, photo string) (*coco.Scene, error) {
	var id *int64
	if c.IsSet("image-id") {
		id = new(c.Int64("image-id"))
	}
	return coco.OpenScene(c.String("gt"), id, photo)
}

// isTurned reports whether a picture is shown with its sides exchanged.
func isTurned(path string) bool {
	data, err := os.ReadFile(path)
	return err == nil && images.Orientation(data) >= 5
}
