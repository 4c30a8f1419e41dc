package images

import (
	"bytes"
	"context"
	"fmt"
	"slices"
)

// imageFiles is a dataset of image files that are read when they are needed.
type imageFiles struct {
	name    string
	classes []string
	paths   []string // as they are opened
	names   []string // as they are told
	labels  []int    // -1: none
	source  string   // the list file that names them, or ""
	lines   []int    // where in it
	told    []string // see Notes
}

func (f *imageFiles) Name() string { return f.name }

func (f *imageFiles) Len() int { return len(f.paths) }

func (f *imageFiles) Classes() []string { return f.classes }

func (f *imageFiles) notes() []string { return f.told }

func (f *imageFiles) Label(i int) int { return f.labels[i] }

func (f *imageFiles) Sample(ctx context.Context, i int, img *Image) (int, error) {
	if err := readImage(ctx, f.paths[i], img); err != nil {
		if ctx.Err() != nil {
			return 0, context.Cause(ctx)
		}
		return 0, f.imageError(i, err)
	}
	return f.labels[i], nil
}

// imageError says which image cannot be used, and where it is told of.
func (f *imageFiles) imageError(i int, err error) error {
	bad := &ImageError{Path: f.paths[i], Err: err}
	if f.lines != nil {
		bad.Source = fmt.Sprintf("line %d of %s", f.lines[i], f.source)
	}
	return bad
}

// Digest covers the names, labels and sizes of the files, not their contents:
// reading a large collection only to identify it would take longer than many a
// run.
func (f *imageFiles) Digest() (string, error) {
	var list bytes.Buffer
	for i, path := range f.paths {
		info, err := statFile(path)
		if err != nil {
			return "", f.imageError(i, err)
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
