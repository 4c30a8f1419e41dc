package images

import "fmt"

// ImageNetMean and ImageNetStd are the channel statistics that the published
// recipes normalise with, for values from 0 to 1.
var (
	ImageNetMean = [3]float64{.485, .456, .406}
	ImageNetStd  = [3]float64{.229, .224, .225}
)

// Normalizer turns bytes into floats, (v/255 - mean) / std per channel, by a
// table of all 256 of each, calculated in float32 as torchvision does.
type Normalizer struct {
	tables [3][256]float32
}

// NewNormalizer prepares the tables.
func NewNormalizer(mean, std [3]float64) *Normalizer {
	n := new(Normalizer)
	for c := range n.tables {
		for v := range n.tables[c] {
			n.tables[c][v] = (float32(v)/255 - float32(mean[c])) / float32(std[c])
		}
	}
	return n
}

// Planes writes the image as three planes, [3, H, W].
func (n *Normalizer) Planes(dst []float32, img *Image) {
	size := img.W * img.H
	r, g, b := dst[:size], dst[size:][:size], dst[2*size:][:size]
	p := img.Pix
	for i := range r {
		q := p[3*i:][:3]
		r[i] = n.tables[0][q[0]]
		g[i] = n.tables[1][q[1]]
		b[i] = n.tables[2][q[2]]
	}
}

// Image is the inverse of Planes, for display: the nearest bytes.
func (n *Normalizer) Image(planes []float32, w, h int) *Image {
	img := NewImage(w, h)
	size := w * h
	for c := range 3 {
		zero, one := n.tables[c][0], n.tables[c][255]
		for i, v := range planes[c*size:][:size] {
			img.Pix[3*i+c] = clip8(int((v-zero)/(one-zero)*255 + .5))
		}
	}
	return img
}

// CheckNormalization refuses a standard deviation that is not above 0, and NaN.
func CheckNormalization(mean, std [3]float64) error {
	for i := range std {
		if !(std[i] > 0) || mean[i] != mean[i] {
			return fmt.Errorf("images: normalising with mean %v and std %v, every std must be above 0", mean, std)
		}
	}
	return nil
}
