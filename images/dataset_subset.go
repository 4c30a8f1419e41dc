package images

import (
	"context"
	"encoding/binary"
	"fmt"
	"slices"
)

// Subset is the images of d at the given indices, in that order.
func Subset(d Dataset, name string, indices []int) (Dataset, error) {
	for _, i := range indices {
		if i < 0 || i >= d.Len() {
			return nil, fmt.Errorf("images: %s has %d images, %d is not one of them", d.Name(), d.Len(), i)
		}
	}
	return &subset{Dataset: d, name: name, indices: slices.Clone(indices)}, nil
}

type subset struct {
	Dataset
	name    string
	indices []int
}

func (s *subset) Name() string { return s.name }

func (s *subset) Len() int { return len(s.indices) }

func (s *subset) Label(i int) int { return s.Dataset.Label(s.indices[i]) }

func (s *subset) Sample(ctx context.Context, i int, img *Image) (int, error) {
	return s.Dataset.Sample(ctx, s.indices[i], img)
}

func (s *subset) Digest() (string, error) {
	whole, err := s.Dataset.Digest()
	if err != nil {
		return "", err
	}
	list := make([]byte, 0, 8*len(s.indices))
	for _, i := range s.indices {
		list = binary.LittleEndian.AppendUint64(list, uint64(i))
	}
	return digest([]byte(whole), list), nil
}

func (s *subset) digestCovers(path string) bool { return DigestCovers(s.Dataset, path) }

func (s *subset) notes() []string { return Notes(s.Dataset) }
