//go:build unix

package artifacts

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// lockName is the file in a run directory that its one writer holds locked. It
// stays behind: deleting it could let two processes lock two files.
const lockName = ".lock"

// lockDir takes the lock of a folder, or says who holds it. The kernel drops
// the lock when the process ends, however it ends.
func lockDir(dir string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(dir, lockName), os.O_RDWR|os.O_CREATE, 0o666)
	if err != nil {
		return nil, fmt.Errorf("artifacts: %w", err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		holder, _ := io.ReadAll(io.LimitReader(f, 32))
		f.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, fmt.Errorf("artifacts: %s is in use by process %s: wait for it, stop it, or choose another folder",
				dir, strings.TrimSpace(string(holder)))
		}
		return nil, fmt.Errorf("artifacts: %s cannot be locked: %w", dir, err)
	}
	// The process number only serves the message above.
	if err := f.Truncate(0); err == nil {
		fmt.Fprintf(f, "%d\n", os.Getpid())
	}
	return f, nil
}
