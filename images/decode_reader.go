package images

import (
	"bytes"
	"context"
)

// untilDone reads data until ctx ends, so that decoders which know of no context end
// with it.
type untilDone struct {
	*bytes.Reader
	ctx context.Context
}

func readerUntil(ctx context.Context, data []byte) untilDone {
	return untilDone{bytes.NewReader(data), ctx}
}

func (r untilDone) Read(p []byte) (int, error) {
	if r.ctx.Err() != nil {
		return 0, context.Cause(r.ctx)
	}
	return r.Reader.Read(p)
}

func (r untilDone) ReadAt(p []byte, off int64) (int, error) {
	if r.ctx.Err() != nil {
		return 0, context.Cause(r.ctx)
	}
	return r.Reader.ReadAt(p, off)
}
