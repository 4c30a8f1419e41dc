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
		if info.IsDir() && len(idxFiles(path, "*-images?idx3-ubyte*")) > 0 && isFashion == (m.name == "fashion-mnist") {
			return sure
		}
		return no
	}}
}

func (m mnist) open(dir, split string, _ openOptions) (Dataset, error) {
	part := map[string]string{Train: "train", Test: "t10k"}[split]
	read := func(kind string, rank int) (path string, dims []int, data []byte, err error) {
		end := fmt.Sprintf("-%s?idx%d-ubyte*", kind, rank) // both -idx and .idx are in use
		files := idxFiles(dir, part+end)
		if len(files) == 0 {
			err = fmt.Errorf("images: %s: no %s-%s-idx%d-ubyte or .gz in %s", m.name, part, kind, rank, dir)
			if split == Test && len(idxFiles(dir, "train"+end)) > 0 {
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

// idxFiles are the files of a pattern in a folder, or in folders of such a name in it,
// which is how Kaggle packs them, or in raw, where torchvision puts them.
func idxFiles(dir, pattern string) []string {
	if files := matches(dir, pattern); len(files) > 0 {
		return files
	}
	below, _ := filepath.Glob(filepath.Join(globLiteral(dir), pattern, pattern))
	return append(below, matches(filepath.Join(dir, "raw"), pattern)...)
}

// globLiteral is a path as a pattern that only it matches.
func globLiteral(path string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(path)
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
	imageDims, imageData, err := idx.Read(bytes.NewReader(images), int64(len(images)))
	if err != nil {
		return nil, err
	}
	labelDims, labelData, err := idx.Read(bytes.NewReader(labels), int64(len(labels)))
	if err != nil {
		return nil, err
	}
	return m.assemble(split, imageDims, imageData, labelDims, labelData)
}
