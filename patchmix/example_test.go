package patchmix_test

import (
	"context"
	"fmt"
	"log"
	"slices"

	"pmx/images"
	"pmx/onnxgraph"
	"pmx/patchmix"
)

// views are two crops of 28 x 28 pixels that show at least half of an image.
var views = patchmix.ViewsConfig{View1: crop, View2: crop, Mean: images.ImageNetMean, Std: images.ImageNetStd}

var crop = images.ViewConfig{
	Crop: images.RandomResizedCrop{Size: 28, Scale: [2]float64{.5, 1}, Ratio: [2]float64{3. / 4, 4. / 3}},
	Flip: images.RandomFlip{P: .5},
}

// A batch of the images that are compiled in, as a training step takes it.
func Example() {
	data, err := images.Open("sample", images.Train)
	if err != nil {
		log.Fatal(err)
	}
	loader, err := patchmix.NewLoader(data, patchmix.LoaderConfig{
		Batch: 32,
		Views: views,
		Mix:   &patchmix.MixConfig{Patch: 4, Num: []int{2}, SourceSmoothing: .1},
		Seed:  1,
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
	fmt.Printf("%s: %d images, %d steps an epoch\n", data.Name(), data.Len(), loader.StepsPerEpoch())
	for _, name := range []string{"view1", "view2", "mixed1", "mixed2", "target_source", "target_mix_source", "target_mix_mix"} {
		fmt.Println(name, batch.Feeds[name])
	}
	// Output:
	// sample train: 10000 images, 312 steps an epoch
	// view1 float[32 3 28 28]
	// view2 float[32 3 28 28]
	// mixed1 float[32 3 28 28]
	// mixed2 float[32 3 28 28]
	// target_source float[32 32]
	// target_mix_source float[32 32]
	// target_mix_mix float[32 32]
}

// A run continues where another one stopped.
func ExampleLoader_Seek() {
	data, err := images.Open("sample", images.Test)
	if err != nil {
		log.Fatal(err)
	}
	config := patchmix.LoaderConfig{Batch: 4, Views: views, Seed: 7}
	first, err := patchmix.NewLoader(data, config)
	if err != nil {
		log.Fatal(err)
	}
	defer first.Close()
	for range 3 {
		b, err := first.Next(context.Background())
		if err != nil {
			log.Fatal(err)
		}
		b.Release()
	}
	stopped := first.Position() // what a checkpoint keeps

	second, err := patchmix.NewLoader(data, config)
	if err != nil {
		log.Fatal(err)
	}
	defer second.Close()
	if err := second.Seek(stopped); err != nil {
		log.Fatal(err)
	}
	a, err := first.Next(context.Background())
	if err != nil {
		log.Fatal(err)
	}
	b, err := second.Next(context.Background())
	if err != nil {
		log.Fatal(err)
	}
	same := slices.Equal(onnxgraph.Data[float32](a.Feeds["view1"]), onnxgraph.Data[float32](b.Feeds["view1"]))
	fmt.Printf("%+v, same batch: %t\n", stopped, same)
	// Output:
	// {Epoch:0 Step:3}, same batch: true
}

// Three images in two of four patches each: every mix has half of its own image
// and half of the next one.
func ExampleMixer() {
	images := []float32{
		1, 1, 1, 1, // image 0, 2x2 pixels, patches of one pixel
		2, 2, 2, 2,
		3, 3, 3, 3,
	}
	mixed := make([]float32, len(images))
	mixer := patchmix.Mixer{Patch: 1, Num: 2}
	if err := mixer.Mix(mixed, images, 3, 1, 2, 2, []int{3, 0, 1, 2}); err != nil {
		log.Fatal(err)
	}
	target, err := patchmix.MixToSource(3, 2, 0)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(mixed)
	fmt.Println(onnxgraph.Data[float32](target))
	// Output:
	// [1 2 2 1 2 3 3 2 3 1 1 3]
	// [0.5 0.5 0 0 0.5 0.5 0.5 0 0.5]
}
