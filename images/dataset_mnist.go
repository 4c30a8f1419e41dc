package images

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"pmx/images/internal/idx"
)

var fashionClasses = []string{"t-shirt/top", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle boot"}

var (
	_ = Formats.Add("mnist", mnist{
		name: "mnist", classes: []string{"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"},
	}.format("MNIST in its own IDX files, plain or .gz; grey becomes RGB"))
	_ = Formats.Add("fashion-mnist", mnist{
		name: "fashion-mnist", classes: fashionClasses,
	}.format("Fashion-MNIST in its own IDX files, plain or .gz; grey becomes RGB"))
)

// mnist is a folder with the four files of MNIST or of a set made like it:
// {train,t10k}-{images-idx3,labels-idx1}-ubyte[.gz].
type mnist struct {
	name    string
	classes []string
}

func (m mnist) format(help string) Format {
	return Format{Arg: "DIR", Help: help, open: m.open, detect: func(path string, info os.FileInfo) certainty {
		// The files of both sets have the same names; the folder's tells.
		full, err := filepath.Abs(path)
		isFashion := err == nil && strings.Contains(strings.ToLower(full), "fashion")
		if info.IsDir() && has(path, "*-images?idx3-ubyte*") && isFashion == (m.name == "fashion-mnist") {
			return sure
		}
		return no
	}}
}

func (m mnist) open(dir, split string) (Dataset, error) {
	part := map[string]string{Train: "train", Test: "t10k"}[split]
	read := func(kind string, rank int) (path string, dims []int, data []byte, err error) {
		end := fmt.Sprintf("-%s?idx%d-ubyte*", kind, rank) // both -idx and .idx are in use
		files := matches(dir, part+end)
		if len(files) == 0 {
			err = fmt.Errorf("images: %s: no %s-%s-idx%d-ubyte or .gz in %s", m.name, part, kind, rank, dir)
			if split == Test && has(dir, "train"+end) {
				err = fmt.Errorf("images: %s: %w: no %s-%s-idx%d-ubyte or .gz in %s, copy it there", m.name, ErrNoSplit, part, kind, rank, dir)
			}
			return "", nil, nil, err
		}
		if _, err = statFile(files[0]); err != nil {
			return "", nil, nil, fmt.Errorf("images: %s: %s: %w", m.name, files[0], err)
		}
		if dims, data, err = idx.ReadFile(files[0]); err != nil {
			err = fmt.Errorf("images: %s: %w", m.name, err)
		}
		return files[0], dims, data, err
	}
	imagesPath, imageDims, images, err := read("images", 3)
	if err != nil {
		return nil, err
	}
	_, labelDims, labels, err := read("labels", 1)
	if err != nil {
		return nil, err
	}
	d, err := m.assemble(split, imageDims, images, labelDims, labels)
	if err != nil {
		return nil, fmt.Errorf("images: %s: %s: %w", m.name, imagesPath, err)
	}
	return d, nil
}

// assemble makes a dataset of an array of images [n, h, w] and one of labels [n].
func (m mnist) assemble(split string, imageDims []int, images []byte, labelDims []int, labels []byte) (Dataset, error) {
	switch {
	case len(imageDims) != 3 || len(labelDims) != 1:
		return nil, fmt.Errorf("arrays %v and %v, want images [n, height, width] and labels [n]", imageDims, labelDims)
	case len(images) == 0:
		return nil, fmt.Errorf("no images: array %v", imageDims)
	case imageDims[0] != labelDims[0]:
		return nil, fmt.Errorf("%d images but %d labels", imageDims[0], labelDims[0])
	}
	d := &records{name: m.name + " " + split, classes: m.classes, labels: labels, h: imageDims[1], w: imageDims[2], pix: images}
	return d, d.checkLabels()
}

// read assembles a dataset from the bytes of its two files.
func (m mnist) read(split string, images, labels []byte) (Dataset, error) {
	imageDims, imageData, err := idx.Read(bytes.NewReader(images))
	if err != nil {
		return nil, err
	}
	labelDims, labelData, err := idx.Read(bytes.NewReader(labels))
	if err != nil {
		return nil, err
	}
	return m.assemble(split, imageDims, imageData, labelDims, labelData)
}
