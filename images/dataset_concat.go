package images

import (
	"context"
	"os"
	"slices"
)

// Concat is the images of a and then those of b. They have the classes of a, and labels
// only where both have the same classes.
func Concat(name string, a, b Dataset) Dataset {
	if !slices.Equal(a.Classes(), b.Classes()) {
		a, b = withoutLabels(a), withoutLabels(b)
	}
	return &concat{name: name, a: a, b: b}
}

type concat struct {
	name string
	a, b Dataset
}

// part is the dataset that has image i, and its index there.
func (c *concat) part(i int) (Dataset, int) {
	if n := c.a.Len(); i >= n {
		return c.b, i - n
	}
	return c.a, i
}

func (c *concat) Name() string { return c.name }

func (c *concat) Len() int { return c.a.Len() + c.b.Len() }

func (c *concat) Classes() []string { return c.a.Classes() }

func (c *concat) Label(i int) int {
	d, at := c.part(i)
	return d.Label(at)
}

func (c *concat) Sample(ctx context.Context, i int, img *Image) (int, error) {
	d, at := c.part(i)
	return d.Sample(ctx, at, img)
}

func (c *concat) Digest() (string, error) {
	a, err := c.a.Digest()
	if err != nil {
		return "", err
	}
	b, err := c.b.Digest()
	if err != nil {
		return "", err
	}
	return digest([]byte(a), []byte(b)), nil
}

func (c *concat) itemName(i int) string { return ItemName(c.part(i)) }

func (c *concat) digestCovers(path string) bool {
	return DigestCovers(c.a, path) || DigestCovers(c.b, path)
}

func (c *concat) holdsFile(file os.FileInfo) bool {
	return holdsFile(c.a, file) || holdsFile(c.b, file)
}

func (c *concat) notes() []string {
	notes := slices.Clone(Notes(c.a))
	for _, note := range Notes(c.b) {
		if !slices.Contains(notes, note) {
			notes = append(notes, note)
		}
	}
	return notes
}
