package images

import (
	"context"
	"fmt"
	"sync"
)

// records is a dataset of equally large images in memory, one after another, as
// the packed formats have them.
type records struct {
	name    string
	classes []string
	labels  []uint8
	w, h    int
	pix     []uint8
	planar  bool // three planes an image (CIFAR); grey otherwise (MNIST)

	once sync.Once
	hash string
}

func (r *records) Name() string { return r.name }

func (r *records) Len() int { return len(r.labels) }

func (r *records) Classes() []string { return r.classes }

func (r *records) Label(i int) int { return int(r.labels[i]) }

func (r *records) Sample(_ context.Context, i int, img *Image) (int, error) {
	img.Reset(r.w, r.h)
	n := r.w * r.h
	if r.planar {
		planes := r.pix[3*n*i:][:3*n]
		red, green, blue := planes[:n], planes[n:][:n], planes[2*n:][:n]
		for k, v := range red {
			p := img.Pix[3*k:][:3]
			p[0], p[1], p[2] = v, green[k], blue[k]
		}
	} else {
		for k, v := range r.pix[n*i:][:n] {
			p := img.Pix[3*k:][:3]
			p[0], p[1], p[2] = v, v, v
		}
	}
	return int(r.labels[i]), nil
}

func (r *records) Digest() (string, error) {
	r.once.Do(func() {
		shape := fmt.Sprintf("%dx%d planar=%t", r.w, r.h, r.planar)
		r.hash = digest([]byte(shape), r.pix, r.labels)
	})
	return r.hash, nil
}

// checkLabels makes sure that every label has a class.
func (r *records) checkLabels() error {
	for i, label := range r.labels {
		if len(r.classes) > 0 && int(label) >= len(r.classes) {
			return fmt.Errorf("images: %s: image %d has label %d, but there are %d classes", r.name, i, label, len(r.classes))
		}
	}
	return nil
}
