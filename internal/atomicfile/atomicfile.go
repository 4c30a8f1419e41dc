// Package atomicfile replaces files so that readers, and a machine that loses
// power, see either the old content or the new, never a part.
package atomicfile

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// tempMark is in the name of every temporary file, so that one left by a
// killed process can be recognised: .NAME.pmx-tmp-RANDOM, a file or a folder.
const tempMark = ".pmx-tmp-"

// IsTemp reports whether a file or folder of this base name is an unfinished write.
func IsTemp(name string) bool {
	return strings.HasPrefix(name, ".") && strings.Contains(name, tempMark)
}

// Write creates or replaces the file at path with what fill writes. The bytes
// go to a temporary file in the same folder, which is flushed to the disk and
// then renamed. If anything fails (fill, a full disk, a crash) the old file
// stays as it was; the temporary file is removed unless the process is killed.
func Write(path string, fill func(io.Writer) error) error {
	return write(path, fill, createTemp)
}

// WriteBytes is Write of bytes at hand.
func WriteBytes(path string, data []byte) error {
	return Write(path, func(w io.Writer) error {
		_, err := w.Write(data)
		return err
	})
}

// RemoveTemps deletes what killed processes left of their writes in dir. Call
// it only while no other process writes there.
func RemoveTemps(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("atomicfile: %w", err)
	}
	for _, e := range entries {
		if (e.Type().IsRegular() || e.IsDir()) && IsTemp(e.Name()) {
			if err := os.RemoveAll(filepath.Join(dir, e.Name())); err != nil {
				return fmt.Errorf("atomicfile: %w", err)
			}
		}
	}
	return nil
}

// file is what Write needs of the temporary file; tests put failing ones here.
type file interface {
	io.WriteCloser
	Sync() error
	Name() string
}

func write(path string, fill func(io.Writer) error, create func(path string) (file, error)) error {
	if err := replace(path, fill, create); err != nil {
		return describe(path, err)
	}
	if err := SyncDir(filepath.Dir(path)); err != nil {
		return fmt.Errorf("atomicfile: %s is written, but may be lost on a power failure: %w", path, err)
	}
	return nil
}

// replace does all of Write but for flushing the folder.
func replace(path string, fill func(io.Writer) error, create func(path string) (file, error)) (err error) {
	if isDir(path) {
		return syscall.EISDIR
	}
	f, err := create(path)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			os.Remove(f.Name())
		}
	}()
	buffered := bufio.NewWriterSize(f, 1<<20)
	if err = fill(buffered); err == nil {
		err = buffered.Flush()
	}
	if err == nil {
		err = f.Sync()
	}
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}

func isDir(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

// SyncDir flushes a folder's entries to the disk, so that a rename in it
// survives a power loss.
func SyncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	// Some network file systems cannot flush a folder; the rename is atomic there all the same.
	if err := d.Sync(); err != nil && !errors.Is(err, syscall.EINVAL) && !errors.Is(err, errors.ErrUnsupported) {
		return err
	}
	return nil
}

// createTemp is os.CreateTemp with the permissions of an ordinary new file.
func createTemp(path string) (file, error) {
	dir, base := filepath.Split(path)
	for {
		name := fmt.Sprintf("%s.%s%s%08x", dir, base, tempMark, rand.Uint32())
		f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
		if errors.Is(err, fs.ErrExist) {
			continue
		}
		return f, err
	}
}

// Error says that a file was not written, and what a user can do about it.
type Error struct {
	Path   string
	Err    error
	remedy string
}

func (e *Error) Error() string {
	return fmt.Sprintf("atomicfile: %s was not written (an older file is untouched): %v%s", e.Path, e.Err, e.remedy)
}

func (e *Error) Unwrap() error { return e.Err }

// describe makes err an Error.
func describe(path string, err error) error {
	var remedy string
	switch {
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		remedy = ": free some space or choose a folder on another disk"
	case errors.Is(err, syscall.EFBIG):
		remedy = ": the limit on the size of files (ulimit -f), or the file system's, is too low"
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EROFS):
		remedy = ": choose a folder that you may write to"
	case errors.Is(err, fs.ErrNotExist):
		remedy = ": create the folder first"
	case errors.Is(err, syscall.EISDIR):
		remedy = ": name a file in it"
	}
	// A *PathError names the temporary file, which says nothing to a user, or the
	// path once more.
	var pathErr *fs.PathError
	if errors.As(err, &pathErr) && (pathErr.Path == path || IsTemp(filepath.Base(pathErr.Path))) {
		err = pathErr.Err
	}
	return &Error{path, err, remedy}
}
