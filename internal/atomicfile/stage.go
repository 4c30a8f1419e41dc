package atomicfile

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
)

// Stage replaces files that belong together once all of them are good. fill
// writes and checks them in a folder made for it inside dir; then they are moved
// into dir, each over the old file of its name, those that fill returns last and
// in that order: a model after the data that it names. If fill fails, the folder
// is deleted and dir is as it was.
//
// A file keeps the permissions of the one that it replaces. What CheckReplaceable refuses
// fails before any file is moved. What killed processes left in dir is cleared.
//
// Each file appears whole. Files of which only some could be moved (a power
// failure between two renames; an error, which then says so) are new and old.
func Stage(dir string, fill func(staging string) (last []string, err error)) error {
	dir = filepath.Clean(dir)
	_ = RemoveTemps(dir) // a folder that cannot be tidied can be good to write to
	staging, lock, err := createTempDir(dir)
	if err != nil {
		return describe(dir, err)
	}
	if lock != nil {
		defer lock.Close()
	}
	defer os.RemoveAll(staging)
	last, err := fill(staging)
	if failed, ok := errors.AsType[*Error](err); ok { // its path says nothing to a user
		return &Error{Path: filepath.Join(dir, filepath.Base(failed.Path)), Err: failed.Err, remedy: failed.remedy}
	}
	if err != nil {
		return err
	}
	names, err := staged(staging, dir, last)
	if err != nil {
		return err
	}
	for i, name := range names {
		if err := os.Rename(filepath.Join(staging, name), filepath.Join(dir, name)); err != nil {
			return fmt.Errorf("%s was not replaced, %d files beside it were: %w", filepath.Join(dir, name), i, err)
		}
	}
	if err := SyncDir(dir); err != nil {
		return fmt.Errorf("the files in %s are written, but may be lost on a power failure: %w", dir, err)
	}
	return nil
}

// staged makes the files of a staging folder ready to be moved into dir, and gives
// their names in the order of that.
func staged(staging, dir string, last []string) (names []string, err error) {
	entries, err := os.ReadDir(staging)
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		if e.Name() == inUse {
			continue
		}
		target := filepath.Join(dir, e.Name())
		if err := CheckReplaceable(target); err != nil {
			return nil, err
		}
		if err := keepMode(filepath.Join(staging, e.Name()), target); err != nil {
			return nil, describe(target, err)
		}
		if !slices.Contains(last, e.Name()) {
			names = append(names, e.Name())
		}
	}
	return append(names, last...), nil
}
