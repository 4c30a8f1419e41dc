package images

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"runtime"
	"slices"
)

// Inspection is what decoding all images of a dataset has shown.
type Inspection struct {
	Data  Dataset
	Facts []Facts // of each image
}

// Facts are what is known of one image.
type Facts struct {
	Err  error // why it cannot be read; then the rest is empty
	W, H int
	// Deviation is the standard deviation of its grey values, from 0 to 127.5.
	Deviation float64
	// Sum is the SHA-256 of its size and pixels.
	Sum [sha256.Size]byte
}

// emptyDeviation is the deviation of grey values below which nothing can be seen in an
// image: it has one colour, or nearly.
const emptyDeviation = 1

// NearlyEmpty reports whether the image has one colour, or nearly.
func (f *Facts) NearlyEmpty() bool { return f.Err == nil && f.Deviation < emptyDeviation }

// Inspect decodes every image of a dataset once, with so many workers (0: one a CPU).
// progress, unless nil, is told how many are done. It ends early only if ctx does.
func Inspect(ctx context.Context, d Dataset, workers int, progress func(done int)) (*Inspection, error) {
	if workers < 1 {
		workers = runtime.GOMAXPROCS(0)
	}
	const chunk = 32
	v := &Inspection{Data: d, Facts: make([]Facts, d.Len())}
	type part struct{ first, n int }
	next := 0
	pipe := &Pipeline[part]{
		Next: func() (part, int, bool) {
			p := part{next, min(chunk, d.Len()-next)}
			next += p.n
			return p, p.n, p.n > 0
		},
		Fill: func(ctx context.Context, p part, item int, w *Worker) error {
			i := p.first + item
			_, err := d.Sample(ctx, i, &w.Image)
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			v.Facts[i] = factsOf(&w.Image, err)
			return nil
		},
		Finish: func(part) error { return nil },
	}
	pipe.Start(workers, 2*workers)
	defer pipe.Close()
	for done := 0; ; {
		p, ok, err := pipe.Take(ctx)
		if err != nil || !ok {
			return v, err
		}
		if done += p.n; progress != nil {
			progress(done)
		}
	}
}

// factsOf looks at an image, unless it could not be read.
func factsOf(img *Image, err error) (f Facts) {
	if err != nil {
		return Facts{Err: err}
	}
	f.W, f.H = img.W, img.H
	var sum, squares float64
	for y := range img.H {
		row := img.row(y)
		for x := 0; x < len(row); x += 3 {
			v := float64(luma(row[x], row[x+1], row[x+2]))
			sum += v
			squares += v * v
		}
	}
	n := float64(img.W * img.H)
	f.Deviation = math.Sqrt(max(squares/n-sum/n*(sum/n), 0))
	h := sha256.New()
	h.Write(binary.LittleEndian.AppendUint64(binary.LittleEndian.AppendUint64(nil, uint64(img.W)), uint64(img.H)))
	h.Write(img.Pix)
	h.Sum(f.Sum[:0])
	return f
}

// Unreadable lists the images that cannot be read.
func (v *Inspection) Unreadable() []int {
	return v.where(func(f *Facts) bool { return f.Err != nil })
}

// NearlyEmpty lists the images that have one colour, or nearly.
func (v *Inspection) NearlyEmpty() []int { return v.where((*Facts).NearlyEmpty) }

func (v *Inspection) where(is func(f *Facts) bool) (list []int) {
	for i := range v.Facts {
		if is(&v.Facts[i]) {
			list = append(list, i)
		}
	}
	return list
}

// Duplicate is an image whose pixels are those of an earlier one.
type Duplicate struct{ Index, Of int }

// Duplicates lists the images of v whose pixels are those of an image of other, by the
// first such image; where other is v itself, of an earlier image.
func (v *Inspection) Duplicates(other *Inspection) (list []Duplicate) {
	first := map[[sha256.Size]byte]int{}
	for i := range other.Facts {
		if f := &other.Facts[i]; f.Err == nil {
			if _, ok := first[f.Sum]; !ok {
				first[f.Sum] = i
			}
		}
	}
	for i := range v.Facts {
		f := &v.Facts[i]
		if of, ok := first[f.Sum]; ok && f.Err == nil && (v != other || of != i) {
			list = append(list, Duplicate{i, of})
		}
	}
	return list
}

// Range is the smallest, the median and the largest of some numbers.
type Range struct {
	Min    int `json:"min"`
	Median int `json:"median"`
	Max    int `json:"max"`
}

// Sizes are those of the images that can be read: the shorter and the longer side. ok is
// false where there are none.
func (v *Inspection) Sizes() (short, long Range, ok bool) {
	var shorts, longs []int
	for i := range v.Facts {
		if f := &v.Facts[i]; f.Err == nil {
			shorts, longs = append(shorts, min(f.W, f.H)), append(longs, max(f.W, f.H))
		}
	}
	if len(shorts) == 0 {
		return short, long, false
	}
	return rangeOf(shorts), rangeOf(longs), true
}

func rangeOf(n []int) Range {
	slices.Sort(n)
	return Range{Min: n[0], Median: n[len(n)/2], Max: n[len(n)-1]}
}

// ListLine is image i as a line of a list (Open's "list:FILE"): its path and, after a tab,
// its class. It fails for images that are not files.
func ListLine(d Dataset, i int) (string, error) {
	path, ok := fileName(d, i)
	if !ok {
		return "", fmt.Errorf("images: %s: its images are not files, so they cannot be listed", d.Name())
	}
	label, classes := d.Label(i), d.Classes()
	switch {
	case label < 0:
		return path, nil
	case label < len(classes):
		return path + "\t" + classes[label], nil
	}
	return fmt.Sprintf("%s\t%d", path, label), nil
}

// fileName is the absolute path of image i, if it is a file of its own.
func fileName(d Dataset, i int) (string, bool) {
	switch d := d.(type) {
	case *imageFiles:
		path, err := filepath.Abs(d.paths[i])
		return path, err == nil
	case *subset:
		return fileName(d.Dataset, d.indices[i])
	case *unlabelled:
		return fileName(d.inner, i)
	}
	return "", false
}

// Reason is why an image cannot be read, without its path where that is known.
func (f *Facts) Reason() string {
	if bad, ok := errors.AsType[*ImageError](f.Err); ok {
		return bad.Err.Error()
	}
	return fmt.Sprint(f.Err)
}
