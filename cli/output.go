package cli

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"sync"
	"syscall"
)

// output is standard output. It remembers what could not be written, since most of
// what prints does not look: a result that is lost is no success.
type output struct {
	w    io.Writer
	mu   sync.Mutex   // of an action that was left at a signal, which may print on
	lost *outputError // nil: nothing
}

// Write writes, until it fails for the first time.
func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.lost != nil {
		return 0, o.lost
	}
	n, err := o.w.Write(p)
	if err != nil {
		o.lost = &outputError{err}
		return n, o.lost
	}
	return n, nil
}

// check is err, or what was lost where that is all that went wrong.
func (o *output) check(err error) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.lost != nil && (err == nil || errors.Is(err, o.lost)) {
		return o.lost
	}
	return err
}

// outputError says that standard output could not be written.
type outputError struct{ err error }

func (e *outputError) Error() string {
	err := e.err
	if inner, ok := errors.AsType[*fs.PathError](err); ok { // its path, /dev/stdout, is said already
		err = inner.Err
	}
	return fmt.Sprintf("standard output could not be written: %v", err)
}

func (e *outputError) Unwrap() error { return e.err }

// readerGone reports whether err is that the reader of standard output had enough, as
// head does: nobody needs to be told.
func readerGone(err error) bool {
	_, ok := errors.AsType[*outputError](err)
	return ok && errors.Is(err, syscall.EPIPE)
}
