package atomicfile

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"syscall"
)

// Error says that a file was not written, and what a user can do about it.
type Error struct {
	Path    string
	Err     error
	remedy  string
	through bool // there was no older file to replace
}

func (e *Error) Error() string {
	older := " (an older file is untouched)"
	if e.through {
		older = ""
	}
	return fmt.Sprintf("%s was not written%s: %v%s", e.Path, older, e.Err, e.remedy)
}

func (e *Error) Unwrap() error { return e.Err }

// describe makes err an Error.
func describe(path string, err error) *Error {
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
	return &Error{Path: path, Err: err, remedy: remedy}
}

// describeThrough makes err an Error about what is not a file to be replaced.
func describeThrough(path string, err error) error {
	e := describe(path, err)
	e.through = true
	return e
}
