package images

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"pmx/internal/registry"
)

// Dataset is an indexed collection of images, labelled or not. Its methods are
// safe for concurrent use.
type Dataset interface {
	// Name says what it is, such as "cifar10 train".
	Name() string
	// Len is the number of images.
	Len() int
	// Classes names the classes in the order of the labels. It is empty where
	// there are no names, even if there are labels.
	Classes() []string
	// Label is the label of image i, or -1. It reads no image.
	Label(i int) int
	// Sample decodes image i, 0 <= i < Len, into img, reusing its memory, and
	// returns its label, or -1. It ends early if ctx does, with its cause. Any other
	// error names the image: where that is a file, it is an *ImageError.
	Sample(ctx context.Context, i int, img *Image) (label int, err error)
	// Digest identifies the data: equal digests mean the same images and labels
	// in the same order. Packed formats are hashed whole; image files by name,
	// size and label.
	Digest() (string, error)
}

// The parts of a dataset.
const (
	Train = "train"
	Test  = "test"
)

// ErrNoSplit is what errors.Is finds when a dataset has no test images of its
// own. HoldOut makes some.
var ErrNoSplit = errors.New("no test images")

// ErrClasses is what errors.Is finds when the classes of a dataset's test images
// cannot be those of its training images. The training images are good.
var ErrClasses = errors.New("no classes to test with")

// SpecError is a specification that could not name a dataset, whatever files there
// are.
type SpecError struct{ Msg string }

func (e *SpecError) Error() string { return "images: " + e.Msg }

// Notes are what to know of a dataset that can be used as it is, a line each.
func Notes(d Dataset) []string {
	if noted, ok := d.(interface{ notes() []string }); ok {
		return noted.notes()
	}
	return nil
}

// ImageError says which image file cannot be read, and why.
type ImageError struct {
	Path   string
	Source string // what names it, such as "line 3 of images.txt", or ""
	Err    error
}

func (e *ImageError) Error() string {
	where := e.Path
	if e.Source != "" {
		where += " (" + e.Source + ")"
	}
	if errors.Is(e.Err, fs.ErrNotExist) {
		return fmt.Sprintf("images: %s is not there: put it back", where)
	}
	return fmt.Sprintf("images: %s: %v: repair or remove it", where, e.Err)
}

func (e *ImageError) Unwrap() error { return e.Err }

// Format is a way of storing images that Open knows.
type Format struct {
	// Arg is what follows the name and a colon in a specification, such as
	// "DIR"; "" if nothing does.
	Arg string
	// Help is one line about it.
	Help string
	// open reads a split; for Test it may return an error that is ErrNoSplit.
	open func(path, split string, o openOptions) (Dataset, error)
	// detect says how surely a path that exists is of this format.
	detect func(path string, info os.FileInfo) certainty
}

// certainty that a path is of a format; the most certain format gets it.
type certainty int

const (
	no      certainty = iota
	perhaps           // what is left if nothing is sure
	sure
)

// Formats holds the formats by name. A file dataset_x.go adds one.
var Formats = registry.New[Format]("images", "dataset")

// OpenOption changes what Open does.
type OpenOption func(*openOptions)

type openOptions struct {
	holdOut    float64
	unlabelled bool
	skip       bool
	skipped    func(Skipped)
}

// HoldOut makes a test split where the dataset has none: this part of the
// images, from above 0 to below 1, chosen once and for all by the number of
// images, is left out of Train and is what Test gives.
func HoldOut(part float64) OpenOption { return func(o *openOptions) { o.holdOut = part } }

// Unlabelled takes the images without their labels, and all images below a folder
// whether they lie in folders or beside them.
func Unlabelled() OpenOption { return func(o *openOptions) { o.unlabelled = true } }

// Skip makes each split of the dataset one of [SkipBadImages].
func Skip(report func(Skipped)) OpenOption {
	return func(o *openOptions) { o.skip, o.skipped = true, report }
}

// Open opens a split, Train or Test, of the dataset that spec names: "sample"
// for the images that are compiled in, a format and a path such as
// "cifar10:DIR", "mnist:DIR", "folder:DIR" or "list:FILE" (Formats has all), or
// a path alone, whose format is then detected. A path may begin with ~, the user's
// home folder.
func Open(spec, split string, options ...OpenOption) (Dataset, error) {
	s, err := NewSource(spec, options...)
	if err != nil {
		return nil, err
	}
	return s.Open(split)
}

// resolve finds the format and path that spec means.
func resolve(spec string) (Format, string, error) {
	name, path, hasPath := strings.Cut(spec, ":")
	if format, err := Formats.Lookup(name); err == nil {
		switch {
		case format.Arg == "" && hasPath:
			return Format{}, "", &SpecError{fmt.Sprintf("dataset %q takes no path, got %q", name, spec)}
		case format.Arg != "" && path == "":
			return Format{}, "", &SpecError{fmt.Sprintf("dataset %q needs a path, write %[1]s:%s", name, format.Arg)}
		}
		return format, inHome(path), nil
	}
	spec = inHome(spec)
	info, err := os.Stat(spec)
	if err != nil {
		if _, unknown := Formats.Lookup(name); hasPath && !strings.ContainsAny(name, `/\.`) {
			return Format{}, "", &SpecError{strings.TrimPrefix(unknown.Error(), "images: ")}
		}
		return Format{}, "", fmt.Errorf("images: dataset %q is neither a file or folder that is there nor one of %s", spec, strings.Join(Formats.Names(), ", "))
	}
	best, found := no, Format{}
	for _, format := range Formats.All() {
		if format.detect == nil {
			continue
		}
		if c := format.detect(spec, info); c > best {
			best, found = c, format
		}
	}
	if best == no {
		return Format{}, "", fmt.Errorf("images: %s: no known kind of dataset, say which: %s", spec, strings.Join(Formats.Names(), ", "))
	}
	return found, spec, nil
}

// digest is the SHA-256 of its parts, each preceded by its length.
func digest(parts ...[]byte) string {
	h := sha256.New()
	for _, p := range parts {
		fmt.Fprintf(h, "%d:", len(p))
		h.Write(p)
	}
	return "sha256:" + hex.EncodeToString(h.Sum(nil))
}
