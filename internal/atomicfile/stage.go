package atomicfile

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"syscall"
)

// Stage replaces files that belong together once all of them are good. fill
// writes and checks them in a folder made for it inside dir; then they are moved
// into dir, each over the old file of its name, those that fill returns last and
// in that order: a model after the data that it names. If fill fails, the folder
// is deleted and dir is as it was.
//
// Each file appears whole. Files of which only some could be moved (a power
// failure between two renames; an error, which then says so) are new and old.
func Stage(dir string, fill func(staging string) (last []string, err error)) error {
	dir = filepath.Clean(dir)
	staging, err := os.MkdirTemp(dir, ".stage"+tempMark)
	if err != nil {
		return describe(dir, err)
	}
	defer os.RemoveAll(staging)
	last, err := fill(staging)
	if failed, ok := errors.AsType[*Error](err); ok { // its path says nothing to a user
		return &Error{filepath.Join(dir, filepath.Base(failed.Path)), failed.Err, failed.remedy}
	}
	if err != nil {
		return err
	}
	entries, err := os.ReadDir(staging)
	if err != nil {
		return fmt.Errorf("atomicfile: %w", err)
	}
	var names []string
	for _, e := range entries {
		if target := filepath.Join(dir, e.Name()); isDir(target) {
			return describe(target, syscall.EISDIR)
		}
		if !slices.Contains(last, e.Name()) {
			names = append(names, e.Name())
		}
	}
	for i, name := range append(names, last...) {
		if err := os.Rename(filepath.Join(staging, name), filepath.Join(dir, name)); err != nil {
			return fmt.Errorf("atomicfile: %s was not replaced, %d files beside it were: %w", filepath.Join(dir, name), i, err)
		}
	}
	if err := SyncDir(dir); err != nil {
		return fmt.Errorf("atomicfile: the files in %s are written, but may be lost on a power failure: %w", dir, err)
	}
	return nil
}
