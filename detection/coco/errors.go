package coco

import (
	"errors"
	"fmt"

	"pmx/detection/coco/internal/jsonscan"
)

// FormatError is a file that is not what it should be.
type FormatError struct {
	File   string // as the caller named it; may be empty
	Offset int64  // position of the fault in bytes, counted from 0
	Path   string // such as annotations[17].bbox; may be empty
	Err    error  // what is wrong
}

func (e *FormatError) Error() string {
	where := fmt.Sprintf("byte %d", e.Offset)
	if e.File != "" {
		where = e.File + ": " + where
	}
	if e.Path != "" {
		where += ", " + e.Path
	}
	return fmt.Sprintf("coco: %s: %s", where, withoutPrefix(e.Err))
}

func (e *FormatError) Unwrap() error { return e.Err }

// withoutPrefix drops the package's name from an error that goes into another.
func withoutPrefix(err error) string {
	const prefix = "coco: "
	s := err.Error()
	if len(s) > len(prefix) && s[:len(prefix)] == prefix {
		s = s[len(prefix):]
	}
	return s
}

// formatError gives an error from reading a file its place there.
func formatError(file, path string, offset int64, err error) error {
	var done *FormatError
	if errors.As(err, &done) {
		return err
	}
	if scan := (*jsonscan.Error)(nil); errors.As(err, &scan) {
		return &FormatError{File: file, Offset: scan.Offset, Path: path, Err: errors.New(scan.Msg)}
	}
	return &FormatError{File: file, Offset: offset, Path: path, Err: err}
}
