package patchmix

import (
	"testing"

	"pmx/images"
)

// multiCropViews is recipeViews with local crops: n small views of localSize
// pixels that show .05 to .35 of the image, where the global ones show .35 to 1.
// The published ImageNet recipe has size 224, n 8 and localSize 96.
func multiCropViews(size, n, localSize int) ViewsConfig {
	c := recipeViews(size, .35)
	c.LocalCrops = n
	c.Local.Crop.Size, c.Local.Crop.Scale = localSize, [2]float64{.05, .35}
	return c
}

// greyViews is for grey pictures of things that fill the frame, such as
// Fashion-MNIST: moderate crops, brightness and contrast, flips, nothing about
// colour, no blur. On the sample it teaches more in a short run than the recipe
// for photographs.
func greyViews(size int) ViewsConfig {
	view := images.ViewConfig{
		Crop:   images.RandomResizedCrop{Size: size, Scale: [2]float64{.5, 1}, Ratio: [2]float64{3. / 4, 4. / 3}},
		Jitter: images.ColorJitter{P: .8, Brightness: .4, Contrast: .4},
		Flip:   images.RandomFlip{P: .5},
	}
	local := view
	local.Crop.Scale = [2]float64{.2, .5}
	return ViewsConfig{View1: view, View2: view, Local: local, Mean: images.ImageNetMean, Std: images.ImageNetStd}
}

// recipeMix is the mixing of the published recipes: two images, smoothing .1 of
// the plain views' targets only.
func recipeMix(patch int) *MixConfig {
	return &MixConfig{Patch: patch, Num: []int{2}, SourceSmoothing: .1}
}

// open opens a split of a dataset.
func open(t testing.TB, spec, split string) images.Dataset {
	t.Helper()
	d, err := images.Open(spec, split)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// recipeViews is the augmentation of the published recipes (arXiv 2306.12243)
// for colour images: two global views of size x size pixels that show at least
// minScale of the image's area (.1 for CIFAR), and no local crops.
func recipeViews(size int, minScale float64) ViewsConfig {
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
