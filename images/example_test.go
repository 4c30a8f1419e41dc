package images_test

import (
	"context"
	"fmt"
	"log"

	"pmx/images"
)

// All images of a dataset in order, for features.
func ExampleEvalBatches() {
	data, err := images.Open("sample", images.Test)
	if err != nil {
		log.Fatal(err)
	}
	count := 0
	for batch, err := range images.EvalBatches(context.Background(), data, images.EvalConfig{
		Transform: images.EvalTransform{Size: 28},
		Mean:      images.ImageNetMean,
		Std:       images.ImageNetStd,
		Batch:     600,
	}) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(batch.Images, data.Classes()[batch.Labels[0]])
		count += len(batch.Labels)
	}
	fmt.Println(count, "images")
	// Output:
	// float[600 3 28 28] ankle boot
	// float[600 3 28 28] pullover
	// float[600 3 28 28] sandal
	// float[200 3 28 28] ankle boot
	// 2000 images
}

// Batches of fine-tuning, with all that the published recipe draws.
func ExampleLabelledLoader() {
	data, err := images.Open("sample", images.Train)
	if err != nil {
		log.Fatal(err)
	}
	augment, err := images.ParseRandAugment("rand-m9-mstd0.5-inc1")
	if err != nil {
		log.Fatal(err)
	}
	augment.Fill = images.MeanColor(images.ImageNetMean)
	loader, err := images.NewLabelledLoader(data, images.LabelledConfig{
		LoaderConfig: images.LoaderConfig{Batch: 32, Seed: 1},
		Classes:      len(data.Classes()),
		Size:         28,
		Transforms:   images.FinetuneTransforms(28, augment),
		Mean:         images.ImageNetMean,
		Std:          images.ImageNetStd,
		Erasing:      images.RandomErasing{P: .25, Mode: images.ErasePixel, Count: 1},
		Mixup:        &images.Mixup{MixupAlpha: .8, CutmixAlpha: 1, Prob: 1, SwitchProb: .5, Mode: images.MixBatch},
		Smoothing:    .1,
	})
	if err != nil {
		log.Fatal(err)
	}
	defer loader.Close()

	batch, err := loader.Next(context.Background())
	if err != nil {
		log.Fatal(err)
	}
	defer batch.Release()
	fmt.Println(batch.Feeds["image"], batch.Feeds["target"], loader.StepsPerEpoch(), "steps an epoch")
	// Output:
	// float[32 3 28 28] float[32 10] 312 steps an epoch
}
