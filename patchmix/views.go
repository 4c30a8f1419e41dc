package patchmix

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

func (c ViewConfig) check(view string) error {
	wrong := func(format string, args ...any) error {
		return fmt.Errorf("patchmix: %s: %s", view, fmt.Sprintf(format, args...))
	}
	for what, p := range map[string]float64{
		"jitter": c.Jitter.P, "grayscale": c.Grayscale.P, "blur": c.Blur.P, "solarize": c.Solarize.P, "flip": c.Flip.P,
	} {
		if !(p >= 0 && p <= 1) {
			return wrong("probability of %s is %g, choose 0 to 1", what, p)
		}
	}
	j, scale, ratio, sigma := c.Jitter, c.Crop.Scale, c.Crop.Ratio, c.Blur.Sigma
	switch {
	case c.Crop.Size < 1 || c.Crop.Size > 1<<14:
		return wrong("crops of %d pixels, choose 1 to %d", c.Crop.Size, 1<<14)
	case !(0 < scale[0] && scale[0] <= scale[1] && scale[1] <= 1):
		return wrong("crop scale %v, choose two parts of the area, from above 0 to 1", scale)
	case !(1e-3 <= ratio[0] && ratio[0] <= ratio[1] && ratio[1] <= 1e3):
		return wrong("crop ratio %v, choose two ratios of width to height, the smaller first", ratio)
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

// ViewsConfig says which views are made of every image and how they are
// normalised.
type ViewsConfig struct {
	View1      ViewConfig `json:"view1"`
	View2      ViewConfig `json:"view2"`
	LocalCrops int        `json:"local_crops"` // how many; 0: none
	Local      ViewConfig `json:"local"`
	Mean       [3]float64 `json:"mean"` // of values from 0 to 1
	Std        [3]float64 `json:"std"`
}

func (c ViewsConfig) check() error {
	if err := c.View1.check("view1"); err != nil {
		return err
	}
	if err := c.View2.check("view2"); err != nil {
		return err
	}
	if c.View1.Crop.Size != c.View2.Crop.Size {
		return fmt.Errorf("patchmix: view1 of %d pixels and view2 of %d, choose one size", c.View1.Crop.Size, c.View2.Crop.Size)
	}
	if c.LocalCrops < 0 || c.LocalCrops > 1<<10 {
		return fmt.Errorf("patchmix: %d local crops, choose 0 to %d", c.LocalCrops, 1<<10)
	}
	if c.LocalCrops > 0 {
		if err := c.Local.check("local"); err != nil {
			return err
		}
	}
	for i, std := range c.Std {
		if !(std > 0) || c.Mean[i] != c.Mean[i] {
			return fmt.Errorf("patchmix: normalising with mean %v and std %v, every std must be above 0", c.Mean, c.Std)
		}
	}
	return nil
}

// list is the configurations of all views, in the order of their streams: view1,
// view2, local0 and on.
func (c ViewsConfig) list() []ViewConfig {
	views := []ViewConfig{c.View1, c.View2}
	for range c.LocalCrops {
		views = append(views, c.Local)
	}
	return views
}

// viewName is what view i of list is called in a batch.
func viewName(i int) string {
	if i < 2 {
		return [...]string{"view1", "view2"}[i]
	}
	return fmt.Sprintf("local%d", i-2)
}

// mixedName is what view i is called when mixed.
func mixedName(i int) string {
	if i < 2 {
		return [...]string{"mixed1", "mixed2"}[i]
	}
	return viewName(i) + "_mixed"
}

// RecipeViews is the augmentation of the published recipes (arXiv 2306.12243)
// for colour images: two global views of size x size pixels that show at least
// minScale of the image's area (.1 for CIFAR), and no local crops.
func RecipeViews(size int, minScale float64) ViewsConfig {
	base := ViewConfig{
		Crop:      RandomResizedCrop{Size: size, Scale: [2]float64{minScale, 1}, Ratio: [2]float64{3. / 4, 4. / 3}},
		Jitter:    ColorJitter{P: .8, Brightness: .4, Contrast: .4, Saturation: .2, Hue: .1},
		Grayscale: RandomGrayscale{P: .2},
		Blur:      RandomBlur{P: 1, Sigma: [2]float64{.1, 2}},
		Solarize:  RandomSolarize{Threshold: 128},
		Flip:      RandomFlip{P: .5},
	}
	c := ViewsConfig{View1: base, View2: base, Local: base, Mean: ImageNetMean, Std: ImageNetStd}
	c.View2.Blur.P, c.View2.Solarize.P = .1, .2
	c.Local.Blur.P = .5
	return c
}
