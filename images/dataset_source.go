package images

import (
	"errors"
	"fmt"
	"slices"
	"sync"
)

// Source is a dataset of which each part is read once, when it is first asked for.
type Source struct {
	holdOut float64
	// What the files have, before anything is held out.
	train, test func() (Dataset, error)
	// The splits, by their names.
	splits map[string]func() (Dataset, error)
}

// NewSource finds the dataset that spec names, as Open does.
func NewSource(spec string, options ...OpenOption) (*Source, error) {
	var o openOptions
	for _, option := range options {
		option(&o)
	}
	if !(o.holdOut >= 0 && o.holdOut < 1) {
		return nil, fmt.Errorf("images: holding out %g of the images, choose from 0 to below 1", o.holdOut)
	}
	format, path, err := resolve(spec)
	if err != nil {
		return nil, err
	}
	return newSource(format, path, o), nil
}

func newSource(format Format, path string, o openOptions) *Source {
	open := func(split string) func() (Dataset, error) {
		return sync.OnceValues(func() (Dataset, error) {
			d, err := format.open(path, split, o)
			if err == nil && o.unlabelled {
				d = withoutLabels(d)
			}
			return d, err
		})
	}
	s := &Source{holdOut: o.holdOut, train: open(Train), test: open(Test), splits: map[string]func() (Dataset, error){}}
	for _, split := range []string{Train, Test} {
		s.splits[split] = sync.OnceValues(func() (Dataset, error) {
			d, err := s.divide(split)
			if err == nil && o.skip {
				d = SkipBadImages(d, o.skipped)
			}
			return d, err
		})
	}
	return s
}

// Open opens a split, Train or Test.
func (s *Source) Open(split string) (Dataset, error) {
	open, ok := s.splits[split]
	if !ok {
		return nil, fmt.Errorf("images: no split %q, choose %q or %q", split, Train, Test)
	}
	return open()
}

// divide gives a split of what the files have.
func (s *Source) divide(split string) (Dataset, error) {
	switch {
	case s.holdOut > 0:
		return s.openHeldOut(split)
	case split == Train:
		return s.train()
	}
	d, err := s.test()
	if errors.Is(err, ErrNoSplit) {
		return nil, fmt.Errorf("%w, or hold out a part of the training images", err)
	}
	return d, err
}

// HoldsOut reports whether some of the training images are held out. Those are places
// in the order of the names, so that with other names they are other images, even of
// as many.
func (s *Source) HoldsOut() bool {
	if s.holdOut == 0 {
		return false
	}
	_, err := s.test()
	return errors.Is(err, ErrNoSplit)
}

// openHeldOut opens a split; where there is no test split, the training images
// are divided.
func (s *Source) openHeldOut(split string) (Dataset, error) {
	test, err := s.test()
	switch {
	case err == nil && split == Test:
		return test, nil
	case err == nil, split == Train && errors.Is(err, ErrClasses):
		return s.train()
	case !errors.Is(err, ErrNoSplit):
		return nil, err
	}
	all, err := s.train()
	if err != nil {
		return nil, err
	}
	n := all.Len()
	held := int(float64(n)*s.holdOut + .5)
	if held == 0 || held == n {
		return nil, fmt.Errorf("images: %s: holding out %g of %d images leaves a part empty", all.Name(), s.holdOut, n)
	}
	order := NewRand(uint64(n), StreamHoldOut, 0, 0).Perm(n)
	chosen, what := order[held:], fmt.Sprintf("without %d held out", held)
	if split == Test {
		chosen, what = order[:held], fmt.Sprintf("%d held out", held)
	}
	slices.Sort(chosen)
	return Subset(all, all.Name()+", "+what, chosen)
}
