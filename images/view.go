package images

import (
	"fmt"
	"math/rand/v2"
)

// ViewConfig is the chain of transforms that makes a kind of view, in the order
// of the fields. A probability of 0 leaves a transform out.
type ViewConfig struct {
	Crop      RandomResizedCrop `json:"crop"`
	Jitter    ColorJitter       `json:"jitter"`
	Grayscale RandomGrayscale   `json:"grayscale"`
	Blur      RandomBlur        `json:"blur"`
	Solarize  RandomSolarize    `json:"solarize"`
	Flip      RandomFlip        `json:"flip"`
}

// Transforms lists the transforms that do something.
func (c ViewConfig) Transforms() []Transform {
	list := []Transform{c.Crop}
	add := func(p float64, t Transform) {
		if p > 0 {
			list = append(list, t)
		}
	}
	add(c.Jitter.P, c.Jitter)
	add(c.Grayscale.P, c.Grayscale)
	add(c.Blur.P, c.Blur)
	add(c.Solarize.P, c.Solarize)
	add(c.Flip.P, c.Flip)
	return list
}

// View makes one view of img, which it leaves as it is. The result belongs to
// work.
func View(transforms []Transform, img *Image, rng *rand.Rand, work *Workspace) *Image {
	for _, t := range transforms {
		img = t.Apply(img, rng, work)
	}
	return img
}

// maxSide is the largest side of a view in pixels.
const maxSide = 1 << 14

// Check says what is wrong with the configuration of a view, which it calls by name.
func (c ViewConfig) Check(view string) error {
	wrong := func(format string, args ...any) error {
		return fmt.Errorf("images: %s: %s", view, fmt.Sprintf(format, args...))
	}
	for what, p := range map[string]float64{
		"jitter": c.Jitter.P, "grayscale": c.Grayscale.P, "blur": c.Blur.P, "solarize": c.Solarize.P, "flip": c.Flip.P,
	} {
		if !(p >= 0 && p <= 1) {
			return wrong("probability of %s is %g, choose 0 to 1", what, p)
		}
	}
	j, sigma, crop := c.Jitter, c.Blur.Sigma, c.Crop.fault()
	switch {
	case crop != "":
		return wrong("%s", crop)
	case !(j.Brightness >= 0 && j.Contrast >= 0 && j.Saturation >= 0 && max(j.Brightness, j.Contrast, j.Saturation) <= 10):
		return wrong("jitter strengths %g, %g, %g, choose 0 to 10", j.Brightness, j.Contrast, j.Saturation)
	case !(j.Hue >= 0 && j.Hue <= .5):
		return wrong("hue jitter %g, choose 0 to .5", j.Hue)
	case c.Blur.P > 0 && !(0 <= sigma[0] && sigma[0] <= sigma[1] && sigma[1] <= 100):
		return wrong("blur sigma %v, choose two from 0 to 100, the smaller first", sigma)
	case c.Solarize.Threshold < 0 || c.Solarize.Threshold > 256:
		return wrong("solarize threshold %d, choose 0 to 256", c.Solarize.Threshold)
	}
	return nil
}
