// Makesample writes the sample that is compiled into patchmix: the first 1,000
// training images and the first 200 test images of every class of Fashion-MNIST,
// in the order of the originals. The same originals give the same images; run it
// by `go generate ./patchmix` with Debian's dataset-fashion-mnist installed.
package main

import (
	"compress/gzip"
	"flag"
	"fmt"
	"os"
	"path/filepath"

	"pmx/images/internal/idx"
)

func main() {
	from := flag.String("from", "/usr/share/datasets/fashion-mnist", "folder of the original *.gz")
	to := flag.String("to", "sample", "folder to write to")
	flag.Parse()
	for _, part := range []struct {
		name     string
		perClass int
	}{{"train", 1000}, {"t10k", 200}} {
		if err := choose(*from, *to, part.name, part.perClass); err != nil {
			fmt.Fprintln(os.Stderr, "makesample:", err)
			os.Exit(1)
		}
	}
}

func choose(from, to, part string, perClass int) error {
	const imagesEnd, labelsEnd, classes = "-images-idx3-ubyte.gz", "-labels-idx1-ubyte.gz", 10
	dims, images, err := idx.ReadFile(filepath.Join(from, part+imagesEnd))
	if err != nil {
		return err
	}
	_, labels, err := idx.ReadFile(filepath.Join(from, part+labelsEnd))
	if err != nil {
		return err
	}
	if len(dims) != 3 || dims[0] != len(labels) {
		return fmt.Errorf("%s: %v images but %d labels", part, dims, len(labels))
	}
	size := dims[1] * dims[2]
	var chosen, chosenLabels []byte
	var taken [classes]int
	for i, label := range labels {
		if taken[label] < perClass {
			taken[label]++
			chosen = append(chosen, images[i*size:][:size]...)
			chosenLabels = append(chosenLabels, label)
		}
	}
	if len(chosenLabels) != classes*perClass {
		return fmt.Errorf("%s: %d images found, %d of each class are needed", part, len(chosenLabels), perClass)
	}
	if err := write(filepath.Join(to, part+imagesEnd), []int{len(chosenLabels), dims[1], dims[2]}, chosen); err != nil {
		return err
	}
	return write(filepath.Join(to, part+labelsEnd), []int{len(chosenLabels)}, chosenLabels)
}

func write(path string, dims []int, data []byte) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer f.Close()
	z, err := gzip.NewWriterLevel(f, gzip.BestCompression)
	if err != nil {
		return err
	}
	if err := idx.Write(z, dims, data); err != nil {
		return err
	}
	if err := z.Close(); err != nil {
		return err
	}
	return f.Close()
}
