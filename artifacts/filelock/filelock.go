//go:build unix

// Package filelock keeps processes apart by locks on files. The kernel drops a
// lock when its process ends, however it ends, so none is ever stale.
package filelock

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	"pmx/internal/atomicfile"
)

// ErrHeld is in the error of Try when another process, or another Lock of this
// one, holds the file.
var ErrHeld = errors.New("in use")

// Lock is a held lock. Its file stays behind: deleting it could let two
// processes lock two files of the same name.
type Lock struct{ f *os.File }

// Try locks the regular file at path, creating it if need be, or tells which process
// holds it. What a symbolic link leads to is not touched.
func Try(path string) (*Lock, error) {
	f, err := atomicfile.OpenRegular(path, os.O_RDWR|os.O_CREATE, 0o666)
	if err != nil {
		return nil, fmt.Errorf("filelock: %w", err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		holder, _ := readHolder(f)
		f.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, fmt.Errorf("%w by process %s", ErrHeld, holder)
		}
		return nil, fmt.Errorf("filelock: %s: %w", path, err)
	}
	// The process number only serves the message above. A file that holds anything else
	// was not made here.
	if _, ours := readHolder(f); ours {
		if err := f.Truncate(0); err == nil {
			fmt.Fprintf(f, "%d\n", os.Getpid())
		}
	}
	return &Lock{f}, nil
}

// readHolder reads what a lock file says of its holder; ours if that is a process number
// or nothing.
func readHolder(f *os.File) (holder string, ours bool) {
	data := make([]byte, 32)
	n, err := f.ReadAt(data, 0)
	holder = strings.TrimSpace(string(data[:n]))
	_, notNumber := strconv.Atoi(holder)
	return holder, errors.Is(err, io.EOF) && (holder == "" || notNumber == nil)
}

// Wait locks the file at path, waiting for others to release it. It calls
// waiting, if not nil, once before the wait.
func Wait(ctx context.Context, path string, waiting func(reason error)) (*Lock, error) {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		l, err := Try(path)
		if !errors.Is(err, ErrHeld) {
			return l, err
		}
		if waiting != nil {
			waiting(err)
			waiting = nil
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("filelock: %s: %w: %w", path, err, ctx.Err())
		case <-tick.C:
		}
	}
}

// Release gives the lock back.
func (l *Lock) Release() error { return l.f.Close() }
