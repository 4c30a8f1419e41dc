package images

import "os"

// HoldsFile reports whether the file at path is one of d's image files, under whatever
// name, or of those that d was divided from. Of images that share a file, as in CIFAR's,
// it knows nothing.
func HoldsFile(d Dataset, path string) bool {
	file, err := os.Stat(path)
	if err != nil {
		return false
	}
	return holdsFile(d, file)
}

func holdsFile(d Dataset, file os.FileInfo) bool {
	files, ok := d.(interface{ holdsFile(file os.FileInfo) bool })
	return ok && files.holdsFile(file)
}

func (f *imageFiles) holdsFile(file os.FileInfo) bool {
	for _, path := range f.paths {
		if info, err := os.Stat(path); err == nil && os.SameFile(info, file) {
			return true
		}
	}
	return false
}

func (s *subset) holdsFile(file os.FileInfo) bool { return holdsFile(s.Dataset, file) }
