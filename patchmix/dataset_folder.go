package patchmix

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

var _ = Formats.Add("folder", Format{
	Arg:  "DIR",
	Help: "image files (" + imageKinds + "), in one folder or in one folder per class; DIR/train and DIR/test or DIR/val if there",
	open: openFolder,
	detect: func(_ string, info os.FileInfo) certainty {
		if info.IsDir() {
			return perhaps
		}
		return no
	},
})

// imageEndings are the names that count as images.
var imageEndings = []string{".jpg", ".jpeg", ".png", ".gif", ".bmp", ".webp", ".tif", ".tiff"}

func isImageName(name string) bool {
	return slices.Contains(imageEndings, strings.ToLower(filepath.Ext(name)))
}

// openFolder lists the images below a folder, sorted by name. If they lie in
// sub-folders, the first level of these are the classes. Hidden files and
// folders are skipped, and files that are no images by name. EXIF orientation is
// not applied.
func openFolder(dir, split string) (Dataset, error) {
	part, err := splitFolder(dir, split)
	if err != nil {
		return nil, err
	}
	f := &imageFiles{name: "folder " + part}
	top, err := visible(part)
	if err != nil {
		return nil, err
	}
	loose := 0
	for _, e := range top {
		if !e.folder && isImageName(e.name) {
			f.add(part, e.name, -1)
			loose++
		}
	}
	if split == Test && part != dir {
		// The same numbers as in the training part, whatever is missing here.
		if f.classes, err = classFolders(filepath.Join(dir, Train)); err != nil {
			return nil, err
		}
	}
	for _, e := range top {
		if !e.folder {
			continue
		}
		files, err := listImages(part, e.name)
		if err != nil {
			return nil, err
		}
		if len(files) == 0 {
			continue
		}
		if loose > 0 {
			mixed := fmt.Sprintf("it holds images (%s) as well as a folder of images (%s), so its folders cannot be classes: move either away", f.names[0], e.name)
			if split == Test {
				return nil, fmt.Errorf("patchmix: folder %s: %w: %s", part, ErrClasses, mixed)
			}
			return nil, fmt.Errorf("patchmix: folder %s: %s", part, mixed)
		}
		label := slices.Index(f.classes, e.name)
		if label < 0 {
			if split == Test && part != dir && len(f.classes) > 0 {
				return nil, fmt.Errorf("patchmix: folder %s: %w: %q is none of the training images in %s", part, ErrClasses, e.name, filepath.Join(dir, Train))
			}
			label = len(f.classes)
			f.classes = append(f.classes, e.name)
		}
		for _, name := range files {
			f.add(part, name, label)
		}
	}
	if f.Len() == 0 && split == Test {
		return nil, fmt.Errorf("patchmix: folder %s: %w: no images in it (%s)", part, ErrNoSplit, strings.Join(imageEndings, " "))
	}
	if f.Len() == 0 {
		return nil, fmt.Errorf("patchmix: folder %s: no images in it (%s)", part, strings.Join(imageEndings, " "))
	}
	return f, nil
}

func (f *imageFiles) add(dir, name string, label int) {
	f.paths = append(f.paths, filepath.Join(dir, name))
	f.names = append(f.names, filepath.ToSlash(name))
	f.labels = append(f.labels, label)
}

// splitFolder finds where a split lies. A folder with train and test (or val, or
// validation) in it, or with nothing but train, is divided; any other is all
// training images, though a class may be called "train".
func splitFolder(dir, split string) (string, error) {
	entries, err := visible(dir)
	if err != nil {
		return "", err
	}
	var folders []string
	for _, e := range entries {
		if e.folder {
			folders = append(folders, e.name)
		}
	}
	test := ""
	for _, name := range []string{"validation", "val", Test} {
		if slices.Contains(folders, name) {
			test = name
		}
	}
	divided := slices.Contains(folders, Train) && (test != "" || len(folders) == 1)
	switch {
	case split == Train && divided:
		return filepath.Join(dir, Train), nil
	case split == Train:
		return dir, nil
	case divided && test != "":
		return filepath.Join(dir, test), nil
	}
	return "", fmt.Errorf("patchmix: folder %s: %w: make folders %s and %s (or val) in it", dir, ErrNoSplit, Train, Test)
}

// classFolders lists the folders in dir that hold images.
func classFolders(dir string) ([]string, error) {
	top, err := visible(dir)
	if err != nil {
		return nil, err
	}
	var classes []string
	for _, e := range top {
		if !e.folder {
			continue
		}
		empty, err := walkImages(dir, e.name, 0, func(string) bool { return false })
		if err != nil {
			return nil, err
		}
		if !empty {
			classes = append(classes, e.name)
		}
	}
	return classes, nil
}

// listImages lists the images below root/dir, by their names relative to root.
func listImages(root, dir string) (files []string, err error) {
	_, err = walkImages(root, dir, 0, func(name string) bool {
		files = append(files, name)
		return true
	})
	return files, err
}

// walkImages visits the images below root/dir, by their names relative to root, until
// a visit returns false; then so does walkImages.
func walkImages(root, dir string, depth int, visit func(name string) bool) (bool, error) {
	const maxDepth = 32 // links may lead in circles
	if depth > maxDepth {
		return false, fmt.Errorf("patchmix: folder %s: more than %d folders deep, does a link lead back up?", filepath.Join(root, dir), maxDepth)
	}
	entries, err := visible(filepath.Join(root, dir))
	if err != nil {
		return false, err
	}
	for _, e := range entries {
		name := filepath.Join(dir, e.name)
		switch {
		case e.folder:
			if more, err := walkImages(root, name, depth+1, visit); err != nil || !more {
				return false, err
			}
		case isImageName(name) && !visit(name):
			return false, nil
		}
	}
	return true, nil
}

// entry is a file or folder in a folder.
type entry struct {
	name   string
	folder bool
}

// visible lists a folder without hidden entries, sorted by name; links are what
// they lead to.
func visible(dir string) ([]entry, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("patchmix: folder: %w", err)
	}
	var list []entry
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), ".") {
			continue
		}
		mode := e.Type()
		if mode&fs.ModeSymlink != 0 {
			info, err := os.Stat(filepath.Join(dir, e.Name()))
			if err != nil {
				return nil, fmt.Errorf("patchmix: folder: %w", err)
			}
			mode = info.Mode()
		}
		if !mode.IsDir() && isImageName(e.Name()) {
			if err := regular(mode); err != nil {
				return nil, &ImageError{Path: filepath.Join(dir, e.Name()), Err: err}
			}
		}
		list = append(list, entry{e.Name(), mode.IsDir()})
	}
	return list, nil
}
