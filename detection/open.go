package detection

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"pmx/detection/coco"
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
	return cancel.Unless(ctx, func() (*Dataset, error) { return newDataset(file, p.file, digest(string(text)), folder) })
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
		count = make([]int, len(d.Categories))
	)
	for i := range file.Images {
		img := &file.Images[i]
		p := Picture{ID: img.ID, Name: img.FileName, Height: img.Height, Width: img.Width}
		var size int64
		if p.Path, size = find.find(img.FileName); p.Path == "" {
			left.add("pictures are not there and were left out", "%q, looked for in %s", img.FileName, folder)
			continue
		}
		fmt.Fprintf(&seen, "%d %q %d\n", p.ID, p.Name, size)
		for a := range file.AnnotationsOf(img.ID) {
			o := Object{ID: a.ID, Class: classOf[a.CategoryID], Box: a.Box, Area: a.Area, Shape: a.Segmentation, Crowd: a.Crowd}
			if !o.check(&p, &left) {
				continue
			}
			if !o.Crowd {
				count[o.Class]++
			}
			p.Objects = append(p.Objects, o)
		}
		d.Pictures = append(d.Pictures, p)
	}
	for k, n := range count {
		if n == 0 {
			left.add("classes have no object, they are kept", "%q", d.Categories[k].Name)
		}
	}
	d.notes = left.notes(d.name)
	d.digest = digest(textDigest, seen.String())
	if d.Objects() == 0 {
		return nil, fmt.Errorf("detection: %s has no object to train on%s", path, because(d.notes))
	}
	return d, nil
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
			left.add("objects have a box that is not of finite numbers and were left out", "%s", where())
			return false
		}
	}
	switch {
	case o.Box[2] < 0 || o.Box[3] < 0:
		left.add("objects have a box of negative width or height and were left out", "%s", where())
		return false
	case o.Box[2] == 0 || o.Box[3] == 0:
		left.add("objects have a box of no width or height and were left out", "%s", where())
		return false
	case p.Width > 0 && p.Height > 0:
		if !o.checkPlace(p, left, where) {
			return false
		}
	}
	if o.Shape.IsZero() && !o.Crowd {
		left.add("objects have no outline, their box is taken for it", "%s", where())
	}
	return true
}

// checkPlace is check for pictures of a known size. Coordinates may be those of the
// turned picture where the file has the size of the stored one.
func (o *Object) checkPlace(p *Picture, left *faults, where func() string) bool {
	side := float64(max(p.Width, p.Height))
	w, h := float64(p.Width), float64(p.Height)
	c := o.Box.XYXY()
	if c[0] >= side || c[1] >= side || c[2] <= 0 || c[3] <= 0 {
		left.add("objects lie outside of their picture and were left out", "%s", where())
		return false
	}
	if c[0] < -1 || c[1] < -1 || c[2] > w+1 || c[3] > h+1 {
		left.add("objects reach beyond their picture and are clipped to it", "%s", where())
	}
	if r := o.Shape.RLE; r != nil && !(r.Height == p.Height && r.Width == p.Width) && !(r.Height == p.Width && r.Width == p.Height) {
		left.add("objects have a mask of another size than their picture and were left out",
			"annotation %d of %q, %dx%d for %dx%d", o.ID, p.Name, r.Width, r.Height, p.Width, p.Height)
		return false
	}
	return true
}
