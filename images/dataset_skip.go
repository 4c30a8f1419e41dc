package images

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"
)

// Skipped is an image that could not be read and was passed over.
type Skipped struct {
	Index int         // in the data set
	Err   *ImageError // which file, and why
}

// SkippedError is the error of an image that is to be passed over: a [Loader] puts
// another one in its place, and [EvalBatches] leaves it out.
type SkippedError struct{ *ImageError }

func (e *SkippedError) Unwrap() error { return e.ImageError }

// Of a data set's images so many may be unreadable before it is given up.
const (
	skipAtLeast = 20
	skipPart    = 1000 // one of so many
)

// Skipping is a data set whose unreadable image files are passed over, unless there are
// too many of them.
type Skipping struct {
	Dataset
	most   int // images that are passed over
	report func(Skipped)

	mu  sync.Mutex
	bad map[int]*ImageError
}

// SkipBadImages makes the error of an unreadable image file of d a *SkippedError, for the
// first 20 of them or one in a thousand, whichever is more. Beyond that, and where no
// image is left, it is an error that says so and wraps the *ImageError. Other errors stay
// as they are.
//
// An image that was found unreadable is not tried again. report, unless nil, is told of
// each once, from any goroutine.
func SkipBadImages(d Dataset, report func(Skipped)) *Skipping {
	return &Skipping{Dataset: d, most: max(skipAtLeast, d.Len()/skipPart), report: report, bad: map[int]*ImageError{}}
}

// Sample implements Dataset.
func (s *Skipping) Sample(ctx context.Context, i int, img *Image) (int, error) {
	if err := s.known(i); err != nil {
		return 0, &SkippedError{err}
	}
	label, err := s.Dataset.Sample(ctx, i, img)
	bad, ok := errors.AsType[*ImageError](err)
	if !ok {
		return label, err
	}
	return 0, s.skip(i, bad)
}

// known is why an image was found unreadable; nil if it was not.
func (s *Skipping) known(i int) *ImageError {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.bad[i]
}

// skip passes an image over, or says that there are too many.
func (s *Skipping) skip(i int, bad *ImageError) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.bad[i] != nil { // by another goroutine, meanwhile
		return &SkippedError{s.bad[i]}
	}
	if n := len(s.bad) + 1; n > s.most || n == s.Len() {
		return fmt.Errorf("%w; %d of the %d images of %s cannot be read, and at most %d are skipped: `pmx check-data` lists all of them",
			bad, n, s.Len(), s.Name(), min(s.most, s.Len()-1))
	}
	s.bad[i] = bad
	if s.report != nil {
		s.report(Skipped{Index: i, Err: bad})
	}
	return &SkippedError{bad}
}

// Skipped lists the images that were passed over until now, in the order of the data set.
func (s *Skipping) Skipped() []Skipped {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := make([]Skipped, 0, len(s.bad))
	for i, err := range s.bad {
		list = append(list, Skipped{Index: i, Err: err})
	}
	slices.SortFunc(list, func(a, b Skipped) int { return a.Index - b.Index })
	return list
}

func (s *Skipping) digestCovers(path string) bool { return DigestCovers(s.Dataset, path) }

func (s *Skipping) itemName(i int) string { return ItemName(s.Dataset, i) }

func (s *Skipping) notes() []string { return Notes(s.Dataset) }

func (s *Skipping) holdsFile(file os.FileInfo) bool { return holdsFile(s.Dataset, file) }
