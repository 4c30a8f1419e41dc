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
