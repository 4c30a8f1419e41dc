package atomicfile

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"syscall"
)

// Files of the program's own, in a folder of its own: whatever lies at their names, no
// file elsewhere is written.

var (
	errLink       = errors.New("is a symbolic link: remove it, or put the file that it leads to in its place")
	errNotRegular = errors.New("is not a regular file: remove it, or choose another name")
)

// WriteRegular is Write where path must be a regular file or nothing. A symbolic link is
// refused, and what takes the place of path between that check and the end is replaced,
// not followed.
func WriteRegular(path string, fill func(io.Writer) error) error {
	if err := CheckReplaceable(path); err != nil {
		return err
	}
	if err := replace(path, fill, createTemp); err != nil {
		return describe(path, err)
	}
	return flushEntry(path, path)
}

// OpenRegular opens the regular file at path, as os.OpenFile does. What a symbolic link
// leads to is not opened, and a pipe is not waited for. flag is without O_TRUNC, which
// comes before the check.
func OpenRegular(path string, flag int, perm fs.FileMode) (*os.File, error) {
	f, err := os.OpenFile(path, flag|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, perm)
	switch {
	case errors.Is(err, syscall.ELOOP):
		return nil, describe(path, errLink)
	case errors.Is(err, syscall.ENXIO): // a pipe that nobody reads
		return nil, describe(path, errNotRegular)
	case err != nil:
		return nil, err
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = describe(path, errNotRegular)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}
