package images

// LinearTransforms is what images of the published linear probes go through for
// training: a random crop of 8 to 100 % of the area, bicubic, and a flip.
func LinearTransforms(size int) []Transform {
	return []Transform{
		RandomResizedCrop{Size: size, Scale: [2]float64{.08, 1}, Ratio: [2]float64{3. / 4, 4. / 3}},
		RandomFlip{P: .5},
	}
}

// FinetuneTransforms is what images of published fine-tuned classifiers go through
// for training, of PatchMix as of DeiT: LinearTransforms and augment, which is
// RandAugment, except that up to 32 pixels the crop keeps the scale, with four pixels
// of padding.
func FinetuneTransforms(size int, augment ...Transform) []Transform {
	transforms := append(LinearTransforms(size), augment...)
	if size <= 32 {
		transforms[0] = RandomCrop{Size: size, Padding: 4}
	}
	return transforms
}
