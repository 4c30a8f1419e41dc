package patchmix

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
)

// imageFiles is a dataset of image files that are read when they are needed.
type imageFiles struct {
	name    string
	classes []string
	paths   []string // as they are opened
	names   []string // as they are told
	labels  []int    // -1: none
}

func (f *imageFiles) Name() string { return f.name }

func (f *imageFiles) Len() int { return len(f.paths) }

func (f *imageFiles) Classes() []string { return f.classes }

func (f *imageFiles) Label(i int) int { return f.labels[i] }

func (f *imageFiles) Sample(i int, img *Image) (int, error) {
	data, err := os.ReadFile(f.paths[i])
	if pathErr, ok := errors.AsType[*fs.PathError](err); ok {
		err = pathErr.Err // the path is told once
	}
	if err == nil {
		err = DecodeImage(data, img)
	}
	if err != nil {
		return 0, &ImageError{f.paths[i], err}
	}
	return f.labels[i], nil
}

// Digest covers the names, labels and sizes of the files, not their contents:
// reading a large collection only to identify it would take longer than many a
// run.
func (f *imageFiles) Digest() (string, error) {
	var list bytes.Buffer
	for i, path := range f.paths {
		info, err := os.Stat(path)
		if err != nil {
			return "", fmt.Errorf("patchmix: digest of %s: %w", f.name, err)
		}
		fmt.Fprintf(&list, "%q %d %d\n", f.names[i], f.labels[i], info.Size())
	}
	return digest(list.Bytes()), nil
}

func (f *imageFiles) digestCovers(path string) bool { return slices.Contains(f.paths, path) }

// DigestCovers reports whether an image file, as ImageError names it, is among
// those that d's Digest covers. For images held out of d it is: they are left out
// by their places among all.
func DigestCovers(d Dataset, path string) bool {
	files, ok := d.(interface{ digestCovers(path string) bool })
	return ok && files.digestCovers(path)
}
