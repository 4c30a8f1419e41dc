package atomicfile

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// Target is what a write to path creates or replaces: where its symbolic links lead.
// Nothing need be there yet.
func Target(path string) (string, error) {
	for range 40 { // as many as Linux follows
		link, err := os.Readlink(path)
		if err != nil { // no link, or nothing at all
			return path, nil
		}
		if !filepath.IsAbs(link) {
			dir, _ := filepath.Split(path) // not cleaned: x/../y is not y where x is a link
			link = dir + link
		}
		path = link
	}
	return "", &fs.PathError{Op: "open", Path: path, Err: syscall.ELOOP}
}

// CheckReplaceable says why Stage and WriteRegular cannot put a file at path.
func CheckReplaceable(path string) error {
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist), err == nil && info.Mode().IsRegular():
		return nil
	case err != nil:
		return describe(path, err)
	case info.IsDir():
		return describe(path, syscall.EISDIR)
	case info.Mode().Type() == fs.ModeSymlink:
		return describe(path, errLink)
	}
	return describe(path, errNotRegular)
}

// passThrough opens what is written without a temporary file: a pipe, a device, and
// the standard output and error of this process wherever they lead. For all else it
// is nil.
func passThrough(path string) (*os.File, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, nil
	}
	for _, own := range []*os.File{os.Stdout, os.Stderr} {
		if ownInfo, err := own.Stat(); err == nil && os.SameFile(info, ownInfo) {
			return own, nil // opened again, a file would be written from its start
		}
	}
	if info.IsDir() {
		return nil, syscall.EISDIR
	}
	if info.Mode().IsRegular() {
		return nil, nil
	}
	return os.OpenFile(path, os.O_WRONLY, 0)
}
