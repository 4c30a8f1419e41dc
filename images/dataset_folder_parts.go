package images

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
)

// folderParts are where the splits of a folder lie.
type folderParts struct {
	dir         string
	train, test string // test: "" if there is none
}

// partNames are the folders that divide another one, in capitals or not; of several
// for testing the first counts.
var partNames = map[string][]string{Train: {Train}, Test: {Test, "val", "validation"}}

// divideFolder finds the parts of a folder. One with train and test (or val, or
// validation) in it, or with nothing but train, is divided; any other is all
// training images, though a class may be called "train".
func divideFolder(dir string) (folderParts, error) {
	entries, err := visible(dir)
	if err != nil {
		return folderParts{}, err
	}
	var folders []string
	for _, e := range entries {
		if e.folder {
			folders = append(folders, e.name)
		}
	}
	train, test := firstNamed(folders, partNames[Train]), firstNamed(folders, partNames[Test])
	switch {
	case train != "" && test != "":
		return folderParts{dir, filepath.Join(dir, train), filepath.Join(dir, test)}, nil
	case train != "" && len(folders) == 1:
		return folderParts{dir, filepath.Join(dir, train), ""}, nil
	}
	return folderParts{dir, dir, ""}, nil
}

// firstNamed is the folder of the first name that there is, preferably in its
// spelling, or "".
func firstNamed(folders, names []string) string {
	for _, name := range names {
		if slices.Contains(folders, name) {
			return name
		}
		if i := slices.IndexFunc(folders, func(f string) bool { return strings.EqualFold(f, name) }); i >= 0 {
			return folders[i]
		}
	}
	return ""
}

// of is the folder of a split.
func (p folderParts) of(split string) (string, error) {
	switch {
	case split == Train:
		return p.train, nil
	case p.test != "":
		return p.test, nil
	}
	return "", fmt.Errorf("images: folder %s: %w: make folders %s and %s (or val) in it", p.dir, ErrNoSplit, Train, Test)
}

// partsAsClasses is what to know of an undivided folder with a class that is called
// as if it were a part.
func partsAsClasses(dir string, classes []string) []string {
	names := slices.Concat(partNames[Train], partNames[Test], []string{"training", "testing"})
	part := firstNamed(classes, names)
	if part == "" {
		return nil
	}
	like := ""
	if i := slices.IndexFunc(classes, func(c string) bool { return c != part }); i >= 0 {
		like = fmt.Sprintf(" like %q", classes[i])
	}
	return []string{fmt.Sprintf("folder %s: %q counts as a class%s: for images to train on and to test with make folders %s and %s (or val) in it",
		dir, part, like, Train, Test)}
}
