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
	train, test string   // test: "" if there is none
	others      []string // parts for testing that are left out
}

// partNames are the folders that divide another one, in capitals or not; of several
// for testing the first counts.
var partNames = map[string][]string{Train: {Train, "training"}, Test: {Test, "testing", "val", "valid", "validation"}}

// divideFolder finds the parts of a folder. One with a part to train on and a part to
// test with in it, or with nothing but the former, is divided; any other is all training
// images, though a class may be called "train".
//
// Competitions give test images without classes: where those to train on have classes,
// a part for testing that has some goes before one that has none.
func divideFolder(dir string) (folderParts, error) {
	entries, err := visible(dir, nil)
	if err != nil {
		return folderParts{}, err
	}
	var folders []string
	for _, e := range entries {
		if e.folder {
			folders = append(folders, e.name)
		}
	}
	whole := folderParts{dir: dir, train: dir}
	train, tests := firstNamed(folders, partNames[Train]), allNamed(folders, partNames[Test])
	if train == "" || len(tests) == 0 && len(folders) > 1 {
		return whole, nil
	}
	parts := folderParts{dir: dir, train: filepath.Join(dir, train)}
	if len(tests) == 0 {
		return parts, nil
	}
	chosen := 0
	if len(tests) > 1 && hasClasses(parts.train) {
		chosen = max(0, slices.IndexFunc(tests, func(name string) bool { return hasClasses(filepath.Join(dir, name)) }))
	}
	parts.test = filepath.Join(dir, tests[chosen])
	parts.others = slices.Delete(tests, chosen, chosen+1)
	return parts, nil
}

func hasClasses(dir string) bool {
	classes, err := classFolders(dir)
	return err == nil && len(classes) > 0
}

// allNamed are the folders of these names, in the order of the names.
func allNamed(folders, names []string) (found []string) {
	for _, name := range names {
		if f := firstNamed(folders, []string{name}); f != "" {
			found = append(found, f)
		}
	}
	return found
}

// unused is what to know of parts that are neither trained on nor tested with.
func (p folderParts) unused() []string {
	if len(p.others) == 0 {
		return nil
	}
	return []string{fmt.Sprintf("folder %s: %s is tested with, and %s left out", p.dir, filepath.Base(p.test), strings.Join(p.others, ", "))}
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
	names := slices.Concat(partNames[Train], partNames[Test])
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
