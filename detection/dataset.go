package detection

import (
	"context"
	"fmt"
	"slices"

	"pmx/detection/coco"
	"pmx/images"
)

// Object is one annotated object of a picture.
type Object struct {
	ID    int64     // of the annotation
	Class int       // index in the data set's Categories
	Box   coco.XYWH // in pixels of the picture
	Area  float64   // as the file gives it, for scores by size
	// Shape is the outline or the mask. Where it is zero, the box stands for it.
	Shape coco.Segmentation
	Crowd bool // a group of objects, not to be trained on
}

// Picture is one image of a data set and its objects.
type Picture struct {
	ID   int64
	Name string // as in the instances file
	Path string // "" for a picture that is not a file

	// Height and Width are those of the picture as it is shown; 0 where they are not
	// known before it is read, without annotations.
	Height, Width int
	Objects       []Object
}

// trainable counts the objects that are not crowds.
func (p *Picture) trainable() int {
	n := 0
	for i := range p.Objects {
		if !p.Objects[i].Crowd {
			n++
		}
	}
	return n
}

// Dataset is pictures with objects. It is an images.Dataset, too, whose images have no
// labels. It must not be changed.
type Dataset struct {
	// Categories are the classes by index, in the order of their ids.
	Categories []coco.Category
	Pictures   []Picture

	name   string
	digest string
	notes  []string
	// read decodes a picture upright.
	read func(ctx context.Context, p *Picture, img *images.Image) error
}

var _ images.Dataset = (*Dataset)(nil)

// Name says what it is, such as "instances.json".
func (d *Dataset) Name() string { return d.name }

// Len is the number of pictures.
func (d *Dataset) Len() int { return len(d.Pictures) }

// Classes names the classes.
func (d *Dataset) Classes() []string {
	names := make([]string, len(d.Categories))
	for i, c := range d.Categories {
		names[i] = c.Name
	}
	return names
}

// Label is -1: pictures have objects, not a class.
func (d *Dataset) Label(int) int { return -1 }

// Digest identifies the data: the instances file by what it says, pictures by name and
// size.
func (d *Dataset) Digest() (string, error) { return d.digest, nil }

// Notes are what to know of the data before training on it, a line each: what was left
// out, how much of it, and where the first is.
func (d *Dataset) Notes() []string { return d.notes }

// Objects counts the objects that are trained on.
func (d *Dataset) Objects() int {
	n := 0
	for i := range d.Pictures {
		n += d.Pictures[i].trainable()
	}
	return n
}

// Sample implements images.Dataset: picture i as it is shown. Annotations of a picture
// of another size are an error.
func (d *Dataset) Sample(ctx context.Context, i int, img *images.Image) (label int, err error) {
	p := &d.Pictures[i]
	if err := d.read(ctx, p, img); err != nil {
		return -1, err
	}
	if !p.fits(img.W, img.H) {
		return -1, fmt.Errorf("detection: %s has %dx%d pixels, its annotations in %s are for %dx%d: put the picture there that was annotated",
			p.Path, img.W, img.H, d.name, p.Width, p.Height)
	}
	return -1, nil
}

// fits tells whether a picture of a size can be the annotated one. Some tools write
// the size that is stored, not that of the turned picture; coordinates are those of the
// turned one in either case.
func (p *Picture) fits(width, height int) bool {
	known := p.Width > 0 && p.Height > 0
	return !known || width == p.Width && height == p.Height || width == p.Height && height == p.Width
}

// readFile decodes the file of a picture.
func readFile(ctx context.Context, p *Picture, img *images.Image) error {
	err := images.ReadUpright(ctx, p.Path, img)
	if err != nil && ctx.Err() == nil {
		return fmt.Errorf("detection: %s: repair the picture, or remove it from the instances file", withoutRoom(err))
	}
	return err
}

// subset is the pictures of the given indices, in that order.
func (d *Dataset) subset(what string, indices []int) *Dataset {
	s := *d
	s.name = d.name + ", " + what
	s.Pictures = make([]Picture, len(indices))
	for k, i := range indices {
		s.Pictures[k] = d.Pictures[i]
	}
	s.digest = digest(d.digest, fmt.Sprint(indices))
	return &s
}

// WithObjects is the pictures that have an object to train on, as detectron2 trains.
func (d *Dataset) WithObjects() *Dataset {
	var keep []int
	for i := range d.Pictures {
		if d.Pictures[i].trainable() > 0 {
			keep = append(keep, i)
		}
	}
	if len(keep) == len(d.Pictures) {
		return d
	}
	return d.subset(fmt.Sprintf("the %d pictures with objects", len(keep)), keep)
}

// Streams of random numbers, see images.Seed.
const (
	streamHoldOut    = 1<<17 + iota // which pictures are held out
	streamAnchorKeys                // keys for sampling the anchors of a picture
	streamRegionKeys                // keys for sampling its regions
	streamScene                     // a generated scene of training items
	streamTestScene                 // one of test items
)

// Split holds out a part of the pictures, from above 0 to below 1. The seed and the
// number of pictures decide which. Both parts have all classes.
func (d *Dataset) Split(part float64, seed uint64) (rest, held *Dataset, err error) {
	n := d.Len()
	if !(part > 0 && part < 1) {
		return nil, nil, fmt.Errorf("detection: holding out %g of the pictures, choose from above 0 to below 1", part)
	}
	out := int(float64(n)*part + .5)
	if out == 0 || out == n {
		return nil, nil, fmt.Errorf("detection: %s: holding out %g of %d pictures leaves a part empty", d.name, part, n)
	}
	order := images.NewRand(seed, streamHoldOut, n, 0).Perm(n)
	chosen, kept := order[:out], order[out:]
	slices.Sort(chosen)
	slices.Sort(kept)
	return d.subset(fmt.Sprintf("without %d held out", out), kept), d.subset(fmt.Sprintf("%d held out", out), chosen), nil
}

// Truth is the ground truth of the pictures, with crowds, for coco.Evaluator.
func (d *Dataset) Truth() (*coco.Dataset, error) {
	var pictures []coco.Image
	var annotations []coco.Annotation
	for i := range d.Pictures {
		p := &d.Pictures[i]
		pictures = append(pictures, coco.Image{ID: p.ID, FileName: p.Name, Height: p.Height, Width: p.Width})
		for k := range p.Objects {
			o := &p.Objects[k]
			annotations = append(annotations, coco.Annotation{
				ID: o.ID, ImageID: p.ID, CategoryID: d.Categories[o.Class].ID,
				Box: o.Box, Area: o.Area, Crowd: o.Crowd, Segmentation: o.Shape,
			})
		}
	}
	return coco.NewDataset(pictures, d.Categories, annotations)
}
