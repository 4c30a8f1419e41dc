package images

import (
	"embed"
	"sync"
)

//go:generate go run ./internal/makesample

// sampleFiles is a part of Fashion-MNIST: 10,000 training and 2,000 test images
// of 28x28 pixels, equally many of all ten classes. MIT licence, see
// sample/LICENSE.
//
//go:embed sample/*.gz sample/LICENSE
var sampleFiles embed.FS

var _ = Formats.Add("sample", Format{
	Help: "10,000 + 2,000 images of Fashion-MNIST, compiled in (28x28, 10 classes, MIT licence)",
	open: func(_, split string, _ openOptions) (Dataset, error) {
		if split == Test {
			return sampleTest()
		}
		return sampleTrain()
	},
})

var (
	sampleTrain = sync.OnceValues(func() (Dataset, error) { return readSample(Train, "train") })
	sampleTest  = sync.OnceValues(func() (Dataset, error) { return readSample(Test, "t10k") })
)

func readSample(split, part string) (Dataset, error) {
	images, err := sampleFiles.ReadFile("sample/" + part + "-images-idx3-ubyte.gz")
	if err != nil {
		return nil, err
	}
	labels, err := sampleFiles.ReadFile("sample/" + part + "-labels-idx1-ubyte.gz")
	if err != nil {
		return nil, err
	}
	return mnist{name: "sample", classes: fashionClasses}.read(split, images, labels)
}

// SampleLicense is the licence text of the images that are compiled in.
func SampleLicense() string {
	text, err := sampleFiles.ReadFile("sample/LICENSE")
	if err != nil {
		panic(err) // it is compiled in
	}
	return string(text)
}
