package images

import (
	"context"
	"os"
)

// withoutLabels is d without labels and classes.
func withoutLabels(d Dataset) Dataset { return &unlabelled{d} }

type unlabelled struct{ inner Dataset }

func (u *unlabelled) Name() string            { return u.inner.Name() }
func (u *unlabelled) Len() int                { return u.inner.Len() }
func (u *unlabelled) Classes() []string       { return nil }
func (u *unlabelled) Label(int) int           { return -1 }
func (u *unlabelled) Digest() (string, error) { return u.inner.Digest() }

func (u *unlabelled) Sample(ctx context.Context, i int, img *Image) (int, error) {
	_, err := u.inner.Sample(ctx, i, img)
	return -1, err
}

func (u *unlabelled) digestCovers(path string) bool { return DigestCovers(u.inner, path) }

func (u *unlabelled) notes() []string { return Notes(u.inner) }

func (u *unlabelled) holdsFile(file os.FileInfo) bool { return holdsFile(u.inner, file) }
