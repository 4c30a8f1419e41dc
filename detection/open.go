package detection

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"pmx/detection/coco"
	"pmx/images"
	"pmx/internal/cancel"
)

// openPart reads an instances file and finds its pictures.
func openPart(ctx context.Context, p part) (*Dataset, error) {
	text, err := os.ReadFile(p.file)
	if err != nil {
		return nil, fmt.Errorf("detection: %w", err)
	}
	file, err := cancel.Unless(ctx, func() (*coco.Dataset, error) {
		return coco.ReadDataset(bytes.NewReader(text), coco.ReadOptions{File: p.file})
	})
	if err != nil {
		return nil, err
	}
	folder := p.folder
	if folder == "" {
		folder = guessFolder(p.file)
	}
	d, err := cancel.Unless(ctx, func() (*Dataset, error) { return newDataset(file, p.file, digest(string(text)), folder) })
	if err != nil {
		return nil, err
	}
	d.notes = append(d.notes, d.unused().notes(d.name)...)
	return d, nil
}

// unused counts the classes that no object has.
func (d *Dataset) unused() *faults {
	count := make([]int, len(d.Categories))
	for i := range d.Pictures {
		for k := range d.Pictures[i].Objects {
			if o := &d.Pictures[i].Objects[k]; !o.Crowd {
				count[o.Class]++
			}
		}
	}
	var none faults
	for k, n := range count {
		if n == 0 {
			none.add("classes without an object, which are kept", "%q", d.Categories[k].Name)
		}
	}
	return &none
}

// guessFolder is where the pictures of an instances file may be that are named nowhere:
// beside it, or beside a folder "annotations" of it.
func guessFolder(file string) string {
	folder := filepath.Dir(file)
	if filepath.Base(folder) == "annotations" {
		return filepath.Dir(folder)
	}
	return folder
}

// newDataset makes a data set of what a file says.
func newDataset(file *coco.Dataset, path, textDigest, folder string) (*Dataset, error) {
	d := &Dataset{name: filepath.Base(path), read: readFile}
	d.Categories = slices.Clone(file.Categories)
	slices.SortFunc(d.Categories, func(a, b coco.Category) int { return cmp.Compare(a.ID, b.ID) })
	classOf := make(map[int64]int, len(d.Categories))
	for k := range d.Categories {
		classOf[d.Categories[k].ID] = k
		if d.Categories[k].Name == "" {
			d.Categories[k].Name = fmt.Sprintf("category %d", d.Categories[k].ID)
		}
	}
	var (
		left  faults
		seen  strings.Builder // what the digest has of the pictures
		find  = finder{folder: folder}
		taken = make(map[int64]bool, len(file.Annotations))
	)
	found, sizes := make([]Picture, len(file.Images)), make([]int64, len(file.Images))
	for i := range file.Images {
		img := &file.Images[i]
		found[i] = Picture{ID: img.ID, Name: img.FileName, Height: img.Height, Width: img.Width}
		found[i].Path, sizes[i] = find.find(img.FileName)
	}
	wrong := measure(found)
	for i := range found {
		p := found[i]
		switch {
		case p.Path == "":
			left.add("pictures left out that are not there", "%q, looked for in %s", p.Name, folder)
			continue
		case wrong[i] != nil:
			left.add(wrong[i].what, "%s", wrong[i].first)
			continue
		}
		fmt.Fprintf(&seen, "%d %q %d\n", p.ID, p.Name, sizes[i])
		for a := range file.AnnotationsOf(p.ID) {
			o := Object{ID: a.ID, Class: classOf[a.CategoryID], Box: a.Box, Area: a.Area, Shape: a.Segmentation, Crowd: a.Crowd}
			if taken[o.ID] {
				left.add("objects left out whose id is that of another one", "annotation %s", file.IDText(o.ID))
				continue
			}
			taken[o.ID] = true
			if o.check(&p, &left) {
				p.Objects = append(p.Objects, o)
			}
		}
		d.Pictures = append(d.Pictures, p)
	}
	for _, note := range file.Notes {
		d.notes = append(d.notes, d.name+": "+note)
	}
	d.notes = append(d.notes, left.notes(d.name)...)
	d.digest = digest(textDigest, seen.String())
	if d.Objects() == 0 {
		return nil, fmt.Errorf("detection: %s has no object to train on%s", path, because(d.notes))
	}
	return d, nil
}

// measure reads the sizes of pictures that are there, as they are shown, and says what
// is wrong with those that cannot be used.
func measure(pictures []Picture) []*fault {
	wrong := make([]*fault, len(pictures))
	var next atomic.Int64
	var running sync.WaitGroup
	for range readers {
		running.Go(func() {
			for i := int(next.Add(1)) - 1; i < len(pictures); i = int(next.Add(1)) - 1 {
				if pictures[i].Path != "" {
					wrong[i] = pictures[i].measure()
				}
			}
		})
	}
	running.Wait()
	return wrong
}

// readers is how many files are open at a time: a disk or a network is waited for, not a
// processor.
const readers = 16

func (p *Picture) measure() *fault {
	w, h, err := images.UprightSize(p.Path)
	if err != nil {
		return &fault{what: "pictures left out that cannot be read", first: withoutRoom(err)}
	}
	if !p.fits(w, h) {
		return &fault{
			what:  "pictures left out that have another size than their annotations say",
			first: fmt.Sprintf("%s, %dx%d where the file says %dx%d", p.Path, w, h, p.Width, p.Height),
		}
	}
	p.Width, p.Height = w, h
	return nil
}

// because is the first of what was left out, after an error.
func because(notes []string) string {
	if len(notes) == 0 {
		return ": annotate some"
	}
	_, first, _ := strings.Cut(notes[0], ": ")
	return ": " + first
}

// check tells whether an object can be used, and counts why not.
func (o *Object) check(p *Picture, left *faults) bool {
	where := func() string {
		return fmt.Sprintf("annotation %d of %q, [%.10g %.10g %.10g %.10g]", o.ID, p.Name, o.Box[0], o.Box[1], o.Box[2], o.Box[3])
	}
	for _, v := range o.Box {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			left.add("objects left out with a box that is not of finite numbers", "%s", where())
			return false
		}
	}
	switch {
	case o.Box[2] < 0 || o.Box[3] < 0:
		left.add("objects left out with a box of negative width or height", "%s", where())
		return false
	case o.Box[2] == 0 || o.Box[3] == 0:
		left.add("objects left out with a box of no width or height", "%s", where())
		return false
	}
	w, h := float64(p.Width), float64(p.Height)
	c := o.Box.XYXY()
	if c[0] >= w || c[1] >= h || c[2] <= 0 || c[3] <= 0 {
		left.add("objects left out that lie outside of their picture", "%s", where())
		return false
	}
	if r := o.Shape.RLE; r != nil && (r.Height != p.Height || r.Width != p.Width) {
		left.add("objects left out with a mask of another size than their picture",
			"annotation %d of %q, %dx%d for %dx%d", o.ID, p.Name, r.Width, r.Height, p.Width, p.Height)
		return false
	}
	if c[0] < -1 || c[1] < -1 || c[2] > w+1 || c[3] > h+1 {
		left.add("objects clipped that reach beyond their picture", "%s", where())
	}
	if problem := o.usableShape(); problem != "" {
		left.add("objects left out with an outline that cannot be drawn", "%s: %s", where(), problem)
		return false
	}
	if o.Shape.IsZero() && !o.Crowd {
		left.add("objects without an outline, for which the box is taken", "%s", where())
	}
	return true
}

// OnePicture is a data set of one picture, the file at a path, with the annotations that
// a scene has of it.
func OnePicture(scene *coco.Scene, path string) (*Dataset, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("detection: %w", err)
	}
	img := scene.Image
	img.FileName = path
	categories := slices.Collect(maps.Values(scene.Categories))
	file, err := coco.NewDataset([]coco.Image{img}, categories, scene.Annotations)
	if err != nil {
		return nil, err
	}
	return newDataset(file, path, "", filepath.Dir(path))
}

const (
	// leastNumbers is how many an outline has: x and y of three points.
	leastNumbers = 6
	// farthest is how far from the picture a coordinate may lie, in pixels.
	farthest = 1 << 20
)

// usableShape leaves only outlines in the shape that have an inside, as detectron2 does,
// and says what is wrong if nothing remains.
func (o *Object) usableShape() (problem string) {
	if o.Shape.Problem != "" {
		return o.Shape.Problem
	}
	if len(o.Shape.Polygons) == 0 {
		return ""
	}
	var usable []coco.Polygon
	for _, p := range o.Shape.Polygons {
		for _, v := range p {
			if !(math.Abs(v) <= farthest) {
				return fmt.Sprintf("a coordinate is %v", v)
			}
		}
		if len(p)%2 == 0 && len(p) >= leastNumbers {
			usable = append(usable, p)
		}
	}
	if len(usable) == 0 {
		return fmt.Sprintf("%d numbers are not x and y of at least three points", len(o.Shape.Polygons[0]))
	}
	o.Shape.Polygons = usable
	return ""
}
