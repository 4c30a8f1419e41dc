// Package atomicfile replaces files so that readers, and a machine that loses
// power, see either the old content or the new, never a part.
package atomicfile

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"syscall"
)

// Write creates or replaces the file at path with what fill writes. The bytes
// go to a temporary file in the same folder, which is flushed to the disk and
// then renamed. If anything fails (fill, a full disk, a crash) the old file
// stays as it was; the temporary file is removed unless the process is killed.
//
// A file that is replaced keeps its permissions, and one that a symbolic link leads to
// is replaced where it lies. Pipes, devices and the standard output of this process
// stay what they are: they are written as fill goes.
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

// file is what Write needs of the temporary file; tests put failing ones here.
type file interface {
	io.WriteCloser
	Sync() error
	Name() string
	release()
}

func write(path string, fill func(io.Writer) error, create func(path string) (file, error)) error {
	through, err := passThrough(path)
	if err != nil {
		return describe(path, err)
	}
	if through != nil {
		return writeThrough(path, through, fill)
	}
	target, err := Target(path)
	if err == nil {
		err = replace(target, fill, create)
	}
	if err != nil {
		return describe(path, err)
	}
	return flushEntry(path, target)
}

// flushEntry flushes the folder that a file was written into: target, which path leads to.
func flushEntry(path, target string) error {
	if err := SyncDir(filepath.Dir(target)); err != nil {
		return fmt.Errorf("%s is written, but may be lost on a power failure: %w", path, err)
	}
	return nil
}

// writeThrough writes to f, which path is.
func writeThrough(path string, f *os.File, fill func(io.Writer) error) error {
	err := fillFrom(f, fill)
	if f != os.Stdout && f != os.Stderr {
		err = errors.Join(err, f.Close())
	}
	if err != nil {
		return describeThrough(path, err)
	}
	return nil
}

func fillFrom(w io.Writer, fill func(io.Writer) error) error {
	buffered := bufio.NewWriterSize(w, 1<<20)
	if err := fill(buffered); err != nil {
		return err
	}
	return buffered.Flush()
}

// replace does all of Write for a regular file except for flushing the folder.
func replace(path string, fill func(io.Writer) error, create func(path string) (file, error)) (err error) {
	f, err := create(path)
	if err != nil {
		return err
	}
	defer f.release()
	defer func() {
		if err != nil {
			os.Remove(f.Name())
		}
	}()
	if err = fillFrom(f, fill); err == nil {
		err = keepMode(f.Name(), path)
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

// keepMode gives a new file the permissions of the one that it replaces, if there is one.
func keepMode(name, path string) error {
	info, err := os.Lstat(path)
	if err != nil {
		return nil
	}
	return os.Chmod(name, info.Mode().Perm())
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
