package cli

import (
	"context"
	"io"

	"pmx/internal/atomicfile"
	"pmx/internal/cancel"
)

// writeFile is atomicfile.Write that ends with ctx, whatever fill does then: nothing
// is left of the file, and an older one stays. Commands write their outputs by it.
func writeFile(ctx context.Context, path string, fill func(io.Writer) error) error {
	return atomicfile.Write(path, func(w io.Writer) error {
		return cancel.UnlessDo(ctx, func() error { return fill(stoppable{ctx, w}) })
	})
}

// stoppable writes until ctx is done.
type stoppable struct {
	ctx context.Context
	w   io.Writer
}

func (s stoppable) Write(p []byte) (int, error) {
	if err := context.Cause(s.ctx); err != nil {
		return 0, err
	}
	return s.w.Write(p)
}
