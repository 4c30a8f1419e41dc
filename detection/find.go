package detection

import (
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// finder finds the pictures that an instances file names. Tools write the names of
// pictures with other folders, with backslashes, escaped as URLs, or with a prefix that
// an upload got.
type finder struct {
	folder string
	index  map[string][]string // paths by base name without prefix; nil: not listed yet
}

// uploadPrefix is what Label Studio puts before the names of uploaded files.
var uploadPrefix = regexp.MustCompile(`^[0-9a-f]{8}-`)

// find returns the path of a picture, and the size of its file; "" if it is not there
// or if several files could be it.
func (f *finder) find(name string) (path string, size int64) {
	slashed := strings.ReplaceAll(name, `\`, "/")
	candidates := []string{name, slashed}
	if unescaped, err := url.PathUnescape(slashed); err == nil {
		candidates = append(candidates, unescaped)
	}
	for _, c := range candidates {
		if filepath.IsAbs(c) {
			if size, ok := regularFile(c); ok {
				return c, size
			}
		}
		if path := filepath.Join(f.folder, filepath.FromSlash(c)); c != "" {
			if size, ok := regularFile(path); ok {
				return path, size
			}
		}
	}
	if f.index == nil {
		f.list()
	}
	for _, c := range candidates {
		base := c[strings.LastIndexByte(c, '/')+1:]
		for _, b := range []string{base, uploadPrefix.ReplaceAllString(base, "")} {
			if found := f.index[b]; len(found) == 1 {
				size, _ := regularFile(found[0])
				return found[0], size
			}
		}
	}
	return "", 0
}

func regularFile(path string) (size int64, ok bool) {
	info, err := os.Stat(path)
	if err != nil || !info.Mode().IsRegular() {
		return 0, false
	}
	return info.Size(), true
}

// list indexes all files below the folder by base name, and by base name without the
// prefix of an upload.
func (f *finder) list() {
	f.index = map[string][]string{}
	_ = filepath.WalkDir(f.folder, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return nil //nolint:nilerr // a folder that cannot be listed has no pictures for us
		}
		if !entry.IsDir() {
			base := entry.Name()
			f.index[base] = append(f.index[base], path)
			if short := uploadPrefix.ReplaceAllString(base, ""); short != base {
				f.index[short] = append(f.index[short], path)
			}
		}
		return nil
	})
}
