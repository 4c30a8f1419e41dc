package coco

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// Scene is what is known of one image: the picture's entry, what was annotated,
// and what was detected.
type Scene struct {
	Image       Image
	Annotations []Annotation
	Results     Results
	Categories  map[int64]Category

	ids *IDs
}

// ReadScene finds an image in an instances file and collects what belongs to it.
// It reads the file twice, for annotations may come before images, and holds
// nothing else of it. The image is that with the given id, or if id is nil the one whose
// file name fits the given path best: by its last name, and then by its folders.
func ReadScene(r io.ReadSeeker, o ReadOptions, id *int64, fileName string) (*Scene, error) {
	if o.IDs == nil {
		o.IDs = new(IDs)
	}
	s := &Scene{Categories: map[int64]Category{}, ids: o.IDs}
	fit := func(img Image) likeness { return alike(img.FileName, fileName) }
	wanted, remedy := fmt.Sprintf("are called %q", filepath.Base(fileName)), "give the image's id"
	if id != nil {
		fit = func(img Image) (l likeness) {
			if img.ID == *id {
				l.how = same
			}
			return l
		}
		wanted, remedy = fmt.Sprintf("have id %d", *id), "give that of one image"
	}
	var best likeness
	found, images := 0, 0
	err := ScanDataset(r, o, Visitor{
		Image: func(img Image) error {
			images++
			l := fit(img)
			switch {
			case l == likeness{}:
			case l.better(best):
				s.Image, best, found = img, l, 1
			case l == best:
				found++
			}
			return nil
		},
		Category: func(c Category) error { s.Categories[c.ID] = c; return nil },
	})
	if err != nil {
		return nil, err
	}
	if found != 1 {
		return nil, fmt.Errorf("coco: %s: %d of the %d images %s, %s", o.File, found, images, wanted, remedy)
	}
	if _, err := r.Seek(0, io.SeekStart); err != nil {
		return nil, fmt.Errorf("coco: %w", err)
	}
	var kept segmentationArena
	err = ScanDataset(r, o, Visitor{Annotation: func(a *Annotation) error {
		if a.ImageID == s.Image.ID {
			kept.keep(&a.Segmentation)
			s.Annotations = append(s.Annotations, *a)
		}
		return nil
	}})
	return s, err
}

// OpenScene is ReadScene for a file on disk.
func OpenScene(path string, id *int64, fileName string) (*Scene, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("coco: %w", err)
	}
	defer f.Close()
	var text io.ReadSeeker = f
	if info, err := f.Stat(); err == nil && !info.Mode().IsRegular() { // a pipe is read once
		whole, err := io.ReadAll(f)
		if err != nil {
			return nil, fmt.Errorf("coco: %w", err)
		}
		text = bytes.NewReader(whole)
	}
	return ReadScene(text, ReadOptions{File: path}, id, fileName)
}

// ReadResults adds the scene's results of a results file that have at least the
// given score.
func (s *Scene) ReadResults(r io.Reader, o ReadOptions, minScore float64) error {
	var kept segmentationArena
	o.IDs = s.ids
	return ScanResults(r, o, func(one *Result) error {
		if one.ImageID == s.Image.ID && one.Score >= minScore {
			kept.keep(&one.Segmentation)
			s.Results = append(s.Results, *one)
		}
		return nil
	})
}

// OpenResults is ReadResults for a file on disk.
func (s *Scene) OpenResults(path string, minScore float64) error {
	f, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("coco: %w", err)
	}
	defer f.Close()
	return s.ReadResults(f, ReadOptions{File: path}, minScore)
}

// HideMasks forgets the masks of objects that have a box: they are not looked at.
func (s *Scene) HideMasks() {
	for i := range s.Annotations {
		s.Annotations[i].Segmentation = Segmentation{}
	}
	for i := range s.Results {
		if s.Results[i].HasBox {
			s.Results[i].Segmentation = Segmentation{}
		}
	}
}

// Drawn lists the scene's objects for Draw on a picture of the given size:
// annotations dashed, detections above them with their scores, surest last.
func (s *Scene) Drawn(height, width int) ([]Drawn, error) {
	name := func(id int64) string {
		if c := s.Categories[id]; c.Name != "" {
			return c.Name
		}
		return "category " + s.ids.Text(id)
	}
	var out []Drawn
	for i := range s.Annotations {
		a := &s.Annotations[i]
		d := Drawn{Box: a.Box, Label: name(a.CategoryID), Color: Palette(a.CategoryID), Dashed: true}
		if a.Crowd {
			d.Label += " (crowd)"
		}
		if a.Segmentation.check() == nil { // what is none has a box
			mask, err := a.Segmentation.Rasterise(height, width)
			if err != nil {
				return nil, fmt.Errorf("coco: annotation %s: %s", s.ids.Text(a.ID), withoutPrefix(err))
			}
			d.Mask = mask
		}
		out = append(out, d)
	}
	for _, i := range byScore(s.Results) {
		r := &s.Results[i]
		d := Drawn{Box: r.Box, Label: fmt.Sprintf("%s %.2f", name(r.CategoryID), r.Score), Color: Palette(r.CategoryID)}
		if r.Segmentation.check() == nil {
			mask, err := r.Segmentation.Rasterise(height, width)
			if err != nil {
				return nil, r.fail(i, err)
			}
			d.Mask = mask
			if !r.HasBox {
				d.Box = mask.Box()
			}
		}
		out = append(out, d)
	}
	return out, nil
}
