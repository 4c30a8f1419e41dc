package images

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

var _ = Formats.Add("folder", Format{
	Arg:  "DIR",
	Help: "image files (" + imageKinds + "), in one folder or in one folder per class; parts DIR/train and DIR/test, val or valid if there",
	open: openFolder,
	detect: func(_ string, info os.FileInfo) certainty {
		if info.IsDir() {
			return perhaps
		}
		return no
	},
})

// imageEndings are the names that count as images.
var imageEndings = []string{".jpg", ".jpeg", ".png", ".gif", ".bmp", ".webp", ".tif", ".tiff", ".pbm", ".pgm", ".ppm", ".pnm"}

func isImageName(name string) bool {
	return slices.Contains(imageEndings, strings.ToLower(filepath.Ext(name)))
}

// unreadEndings are names of images in formats that are not read.
var unreadEndings = []string{
	".heic", ".heif", ".avif", ".jxl", ".jp2", ".j2k", ".jfif", ".jpe", ".apng", ".tga", ".psd", ".svg",
	".ico", ".exr", ".hdr", ".dng", ".cr2", ".cr3", ".nef", ".arw", ".raf", ".orf", ".rw2", ".raw",
}

// folderLister collects the images of a folder.
type folderLister struct {
	files *imageFiles
	root  string
	// unread counts the images by name that are not read, by their endings.
	unread map[string]int
	aside  leftAside
	// unlabelled takes all images without classes.
	unlabelled bool
}

// leftAside are entries of folders that cannot be images: links to nothing, pipes,
// folders that may not be read.
type leftAside struct {
	n     int
	first string // which, and why
}

// add counts an entry. It may be called with nil.
func (l *leftAside) add(path, why string) {
	if l == nil {
		return
	}
	if l.n++; l.n == 1 {
		l.first = path + " is " + why
	}
}

// text says what was left aside, if anything was.
func (l *leftAside) text() string {
	switch l.n {
	case 0:
		return ""
	case 1:
		return "an entry is left out: " + l.first
	}
	return fmt.Sprintf("%d entries are left out: %s, and so on", l.n, l.first)
}

// openFolder lists the images below a folder, sorted by name. If they lie in
// sub-folders, the first level of these are the classes. Hidden files and
// folders are skipped, and files that are no images by name; what cannot be read at
// all is left aside and counted. EXIF orientation is not applied.
func openFolder(dir, split string, o openOptions) (Dataset, error) {
	parts, err := divideFolder(dir)
	if err != nil {
		return nil, err
	}
	part, err := parts.of(split)
	if err != nil {
		return nil, err
	}
	l := &folderLister{files: &imageFiles{name: "folder " + part}, root: part, unread: map[string]int{}, unlabelled: o.unlabelled}
	if split == Test && !o.unlabelled {
		// The same numbers as in the training part, whatever is missing here.
		if l.files.classes, err = classFolders(parts.train); err != nil {
			return nil, err
		}
	}
	if err := l.list(split == Test, parts.train); err != nil {
		return nil, err
	}
	if l.files.Len() == 0 {
		err := fmt.Errorf("no images in it (%s)%s", strings.Join(imageEndings, " "), l.unreadText(", but "))
		if text := l.aside.text(); text != "" {
			err = fmt.Errorf("%w; %s", err, text)
		}
		if split == Test {
			err = fmt.Errorf("%w: %w", ErrNoSplit, err)
		}
		return nil, fmt.Errorf("images: folder %s: %w", part, err)
	}
	if text := l.unreadText(""); text != "" {
		l.files.told = append(l.files.told, fmt.Sprintf("folder %s: %s", part, text))
	}
	if text := l.aside.text(); text != "" {
		l.files.told = append(l.files.told, fmt.Sprintf("folder %s: %s", part, text))
	}
	l.files.told = append(l.files.told, parts.unused()...)
	if split == Train && part == dir && !o.unlabelled {
		l.files.told = append(l.files.told, partsAsClasses(dir, l.files.classes)...)
	}
	return l.files, nil
}

// list takes the images and classes of the root folder.
func (l *folderLister) list(test bool, train string) error {
	f := l.files
	top, err := visible(l.root, &l.aside)
	if err != nil {
		return err
	}
	for _, e := range top {
		if !e.folder && l.wanted(e.name) {
			f.add(l.root, e.name, -1)
		}
	}
	loose, trained := f.Len(), len(f.classes)
	for _, e := range top {
		if !e.folder {
			continue
		}
		files, err := l.below(e.name)
		if err != nil {
			return err
		}
		if l.unlabelled {
			for _, name := range files {
				f.add(l.root, name, -1)
			}
			continue
		}
		if len(files) == 0 {
			continue
		}
		if loose > 0 {
			mixed := fmt.Sprintf("it holds images (%s) as well as a folder of images (%s), so its folders cannot be classes: move either away, or take all of them without classes by --set unlabelled=true", f.names[0], e.name)
			if test {
				return fmt.Errorf("images: folder %s: %w: %s", l.root, ErrClasses, mixed)
			}
			return fmt.Errorf("images: folder %s: %s", l.root, mixed)
		}
		label := slices.Index(f.classes, e.name)
		if label < 0 {
			if test && trained > 0 {
				return fmt.Errorf("images: folder %s: %w: %q is none of the training images in %s", l.root, ErrClasses, e.name, train)
			}
			label = len(f.classes)
			f.classes = append(f.classes, e.name)
		}
		for _, name := range files {
			f.add(l.root, name, label)
		}
	}
	return nil
}

// wanted reports whether a file is an image by its name, and counts it if it is one
// that is not read.
func (l *folderLister) wanted(name string) bool {
	if ending := strings.ToLower(filepath.Ext(name)); slices.Contains(unreadEndings, ending) {
		l.unread[ending]++
	}
	return isImageName(name)
}

// below lists the images below a folder of the root, by their names relative to it.
func (l *folderLister) below(dir string) (files []string, err error) {
	_, err = walkFiles(l.root, dir, 0, &l.aside, func(name string) bool {
		if l.wanted(name) {
			files = append(files, name)
		}
		return true
	})
	return files, err
}

// unreadText says after some words what was not read, if anything was not.
func (l *folderLister) unreadText(after string) string {
	if len(l.unread) == 0 {
		return ""
	}
	total, counts := 0, []string{}
	for _, ending := range slices.Sorted(maps.Keys(l.unread)) {
		total += l.unread[ending]
		counts = append(counts, fmt.Sprintf("%d %s", l.unread[ending], ending))
	}
	return fmt.Sprintf("%simages are left out by their endings, %d (%s): %s are read", after, total, strings.Join(counts, ", "), imageKinds)
}

func (f *imageFiles) add(dir, name string, label int) {
	f.paths = append(f.paths, filepath.Join(dir, name))
	f.names = append(f.names, filepath.ToSlash(name))
	f.labels = append(f.labels, label)
}

// classFolders lists the folders in dir that hold images.
func classFolders(dir string) ([]string, error) {
	top, err := visible(dir, nil)
	if err != nil {
		return nil, err
	}
	var classes []string
	for _, e := range top {
		if !e.folder {
			continue
		}
		empty, err := walkFiles(dir, e.name, 0, nil, func(name string) bool { return !isImageName(name) })
		if err != nil {
			return nil, err
		}
		if !empty {
			classes = append(classes, e.name)
		}
	}
	return classes, nil
}

// walkFiles visits the files below root/dir, by their names relative to root, until
// a visit returns false; then so does walkFiles. It leaves aside what cannot be read.
func walkFiles(root, dir string, depth int, aside *leftAside, visit func(name string) bool) (bool, error) {
	const maxDepth = 32 // links may lead in circles
	if depth > maxDepth {
		return false, fmt.Errorf("images: folder %s: more than %d folders deep, does a link lead back up?", filepath.Join(root, dir), maxDepth)
	}
	entries, err := visible(filepath.Join(root, dir), aside)
	if errors.Is(err, fs.ErrPermission) {
		aside.add(filepath.Join(root, dir), "a folder that may not be read")
		return true, nil
	}
	if err != nil {
		return false, err
	}
	for _, e := range entries {
		name := filepath.Join(dir, e.name)
		switch {
		case e.folder:
			if more, err := walkFiles(root, name, depth+1, aside, visit); err != nil || !more {
				return false, err
			}
		case !visit(name):
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
// they lead to. What is neither a file nor a folder is left aside.
func visible(dir string, aside *leftAside) ([]entry, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("images: folder: %w", err)
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
				aside.add(filepath.Join(dir, e.Name()), "a link to nothing that can be read")
				continue
			}
			mode = info.Mode()
		}
		if !mode.IsDir() {
			if err := regular(mode); err != nil {
				if isImageName(e.Name()) {
					aside.add(filepath.Join(dir, e.Name()), err.Error())
				}
				continue
			}
		}
		list = append(list, entry{e.Name(), mode.IsDir()})
	}
	return list, nil
}
