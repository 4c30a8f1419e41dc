package coco

import (
	"bytes"
	"errors"
	"math"
	"testing"
)

func TestSyntheticIsReproducibleAndLikeCOCO(t *testing.T) {
	s := DefaultSynthetic()
	s.Images, s.Detections = 400, 20
	write := func(s Synthetic) string {
		var b bytes.Buffer
		if err := s.WriteDataset(&b); err != nil {
			t.Fatal(err)
		}
		if err := s.WriteResults(&b); err != nil {
			t.Fatal(err)
		}
		return b.String()
	}
	text := write(s)
	if write(s) != text {
		t.Error("the same values gave different files")
	}
	other := s
	other.Seed++
	if write(other) == text {
		t.Error("another seed gave the same files")
	}

	d, results := syntheticCase(t, s)
	if len(d.Images) != s.Images || len(d.Categories) != s.Categories || len(results) != s.Images*s.Detections {
		t.Errorf("%d images, %d categories, %d results", len(d.Images), len(d.Categories), len(results))
	}
	if last := d.Categories[len(d.Categories)-1].ID; last <= int64(s.Categories) {
		t.Errorf("category ids end at %d, they have no holes", last)
	}
	if mean := float64(len(d.Annotations)) / float64(s.Images); math.Abs(mean-s.Objects) > 1 {
		t.Errorf("%.1f objects an image, want about %v", mean, s.Objects)
	}
	crowds, empty, ties := 0, 0, map[float64]bool{}
	for _, a := range d.Annotations {
		if a.Crowd {
			crowds++
			if a.Segmentation.RLE == nil {
				t.Errorf("crowd %d has no run lengths", a.ID)
			}
		}
	}
	for _, img := range d.Images {
		n := 0
		for range d.AnnotationsOf(img.ID) {
			n++
		}
		if n == 0 {
			empty++
		}
	}
	for _, r := range results {
		ties[r.Score] = true
	}
	if crowds == 0 || empty == 0 || len(ties) == len(results) {
		t.Errorf("%d crowds, %d empty images, %d scores of %d results: all of these should occur", crowds, empty, len(ties), len(results))
	}
	ap := score(t, d, results, Params{}, BBox).averagePrecision(selection{m: []int{2}, a: []int{0}})
	if ap < .05 || ap > .7 {
		t.Errorf("AP %v, too far from that of a detector", ap)
	}
}

func TestSyntheticErrors(t *testing.T) {
	if err := (Synthetic{}).WriteDataset(new(bytes.Buffer)); err == nil {
		t.Error("a dataset of no images was written")
	}
	s := DefaultSynthetic()
	s.Images = 20
	full := errors.New("disk full")
	if err := s.WriteDataset(failingWriter{full}); !errors.Is(err, full) {
		t.Errorf("error %v, want the writer's own", err)
	}
	if err := s.WriteResults(failingWriter{full}); !errors.Is(err, full) {
		t.Errorf("error %v, want the writer's own", err)
	}
}

type failingWriter struct{ err error }

func (w failingWriter) Write([]byte) (int, error) { return 0, w.err }
