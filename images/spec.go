package images

import (
	"path/filepath"
	"strings"
)

// AbsSpec is a dataset's specification (see Open) that means the same wherever the
// program runs: its path is absolute.
func AbsSpec(spec string) (string, error) {
	name, path, _ := strings.Cut(spec, ":")
	format, err := Formats.Lookup(name)
	switch {
	case err != nil: // a path alone
		return filepath.Abs(spec)
	case format.Arg == "":
		return spec, nil
	}
	path, err = filepath.Abs(path)
	return name + ":" + path, err
}
