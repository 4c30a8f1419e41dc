package runtimelib

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// ErrNotInstalled is in Find's error when the library is to be installed first.
var ErrNotInstalled = errors.New("not installed")

// ErrNotThere is in Find's error when the path that a user named holds no library.
var ErrNotThere = errors.New("no library is there")

// Find gives the library to load for a kind: the one that explicit (the flag
// --ort-lib) names if it is not "", else the one that the environment variable
// names, else the installed one. The CUDA library serves where the CPU's is
// asked for and missing.
func (in *Installer) Find(kind Kind, explicit string) (Library, error) {
	if lib, ok, err := Named(kind, explicit); ok {
		return lib, err
	}
	rel, err := in.release(kind)
	if err != nil {
		return Library{}, err
	}
	lib, err := in.installed(rel)
	if err == nil {
		return lib, nil
	}
	if other, otherErr := in.release(kind.superset()); otherErr == nil {
		if lib, err := in.installed(other); err == nil {
			return lib, nil
		}
	}
	if errors.Is(err, fs.ErrNotExist) {
		return Library{}, fmt.Errorf("runtimelib: %v %s is %w: run %s, or name a library by --ort-lib or %s",
			kind, rel.version, ErrNotInstalled, kind.InstallCommand(), kind.EnvVar())
	}
	return Library{}, fmt.Errorf("runtimelib: %v %s is damaged or %w (%w): run %s", kind, rel.version, ErrNotInstalled, err, kind.InstallCommand())
}

// Named is the part of Find that needs no cache folder: ok says whether the flag or
// the environment names a library.
func Named(kind Kind, explicit string) (lib Library, ok bool, err error) {
	by := "--ort-lib"
	if explicit == "" {
		by = kind.EnvVar()
		if explicit = os.Getenv(by); explicit == "" {
			return Library{}, false, nil
		}
	}
	lib, err = named(kind, explicit, by)
	return lib, true, err
}

// installed gives the installed library after a look at names and sizes only.
func (in *Installer) installed(rel release) (Library, error) {
	dir := filepath.Join(in.Dir, rel.name())
	rec, err := readRecord(dir)
	if err != nil {
		return Library{}, err
	}
	return rec.pinned(rel, dir), nil
}

// named gives the library that a user named.
func named(kind Kind, path, by string) (Library, error) {
	info, err := os.Stat(path)
	if err == nil && !info.Mode().IsRegular() {
		err = errors.New("not a file")
	}
	if err != nil {
		return Library{}, fmt.Errorf("runtimelib: %s: %w: %w: give the path of a library such as libonnxruntime.so, or leave it out and run %s",
			by, ErrNotThere, err, kind.InstallCommand())
	}
	path, err = filepath.Abs(path)
	if err != nil {
		return Library{}, fmt.Errorf("runtimelib: %s: %w", by, err)
	}
	return Library{Kind: kind, Path: path, Dir: filepath.Dir(path), Source: by, Size: info.Size()}, nil
}

// Installed is an entry of List.
type Installed struct {
	Library
	Err error // what is wrong with it, or nil

	// Install is the command that installs it again; "" where this version of pmx does
	// not use it, and it may lie there as it is.
	Install string
}

// List gives what is in the cache, sorted by path, having read and verified
// all of it. Libraries of another version of pmx are marked by their Err.
func (in *Installer) List() ([]Installed, error) {
	entries, err := os.ReadDir(in.Dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("runtimelib: %w", err)
	}
	var list []Installed
	for _, e := range entries {
		if !e.IsDir() || strings.HasPrefix(e.Name(), ".") {
			continue
		}
		dir := filepath.Join(in.Dir, e.Name())
		rec, err := readRecord(dir)
		if _, statErr := os.Stat(filepath.Join(dir, recordName)); statErr != nil {
			continue // an installation under way, or one that was killed
		}
		item := Installed{Library: rec.library(dir), Err: err}
		if i := slices.IndexFunc(in.releases, func(r release) bool { return r.name() == e.Name() }); i >= 0 {
			rel := in.releases[i]
			item.Install = in.installCommand(rel)
			if err == nil {
				item.Library = rec.pinned(rel, dir)
				_, item.Err = in.verified(rel)
			}
		} else if err == nil {
			item.Err = errors.New("not used by this version of pmx: the folder can be deleted")
		}
		list = append(list, item)
	}
	return list, nil
}

// installCommand is what a user types to get a release on this machine.
func (in *Installer) installCommand(rel release) string {
	if rel.os == in.goos && rel.arch == in.goarch {
		return rel.kind.InstallCommand()
	}
	return rel.kind.InstallCommand() + " --platform " + rel.os + "/" + rel.arch
}
