package patchmix

import (
	"fmt"

	"pmx/images"
)

// ViewsConfig says which views are made of every image and how they are
// normalised.
type ViewsConfig struct {
	View1      images.ViewConfig `json:"view1"`
	View2      images.ViewConfig `json:"view2"`
	LocalCrops int               `json:"local_crops"` // how many; 0: none
	Local      images.ViewConfig `json:"local"`
	Mean       [3]float64        `json:"mean"` // of values from 0 to 1
	Std        [3]float64        `json:"std"`
}

func (c ViewsConfig) check() error {
	if err := c.View1.Check("view1"); err != nil {
		return err
	}
	if err := c.View2.Check("view2"); err != nil {
		return err
	}
	if c.View1.Crop.Size != c.View2.Crop.Size {
		return fmt.Errorf("patchmix: view1 of %d pixels and view2 of %d, choose one size", c.View1.Crop.Size, c.View2.Crop.Size)
	}
	if c.LocalCrops < 0 || c.LocalCrops > 1<<10 {
		return fmt.Errorf("patchmix: %d local crops, choose 0 to %d", c.LocalCrops, 1<<10)
	}
	if c.LocalCrops > 0 {
		if err := c.Local.Check("local"); err != nil {
			return err
		}
	}
	return images.CheckNormalization(c.Mean, c.Std)
}

// list is the configurations of all views, in the order of their streams: view1,
// view2, local0 and on.
func (c ViewsConfig) list() []images.ViewConfig {
	views := []images.ViewConfig{c.View1, c.View2}
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
	base := images.ViewConfig{
		Crop:      images.RandomResizedCrop{Size: size, Scale: [2]float64{minScale, 1}, Ratio: [2]float64{3. / 4, 4. / 3}},
		Jitter:    images.ColorJitter{P: .8, Brightness: .4, Contrast: .4, Saturation: .2, Hue: .1},
		Grayscale: images.RandomGrayscale{P: .2},
		Blur:      images.RandomBlur{P: 1, Sigma: [2]float64{.1, 2}},
		Solarize:  images.RandomSolarize{Threshold: 128},
		Flip:      images.RandomFlip{P: .5},
	}
	c := ViewsConfig{View1: base, View2: base, Local: base, Mean: images.ImageNetMean, Std: images.ImageNetStd}
	c.View2.Blur.P, c.View2.Solarize.P = .1, .2
	c.Local.Blur.P = .5
	return c
}
