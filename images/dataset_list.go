package images

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

var _ = Formats.Add("list", Format{
	Arg:  "FILE",
	Help: "a text file with an image path per line, relative to it, and perhaps a tab and a label",
	open: openList,
	detect: func(_ string, info os.FileInfo) certainty {
		if info.Mode().IsRegular() && !isImageName(info.Name()) {
			return perhaps
		}
		return no
	},
})

func openList(path, split string, _ openOptions) (Dataset, error) {
	if split == Test {
		return nil, fmt.Errorf("images: list %s: %w: a list is one split, write another one for testing", path, ErrNoSplit)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("images: list: %w", err)
	}
	f := &imageFiles{name: "list " + path, source: path}
	text, err = withoutMark(text)
	if err == nil {
		err = f.parseList(text, filepath.Dir(path))
	}
	if err != nil {
		return nil, fmt.Errorf("images: list %s: %w", path, err)
	}
	return f, nil
}

// withoutMark takes the byte order mark off that some editors begin UTF-8 with.
func withoutMark(text []byte) ([]byte, error) {
	if bytes.HasPrefix(text, []byte("\xff\xfe")) || bytes.HasPrefix(text, []byte("\xfe\xff")) {
		return nil, fmt.Errorf("it is UTF-16: save it as UTF-8")
	}
	return bytes.TrimPrefix(text, []byte("\ufeff")), nil
}

// maxListLine is longer than any path and label.
const maxListLine = 64 << 10

// parseList reads lines of a path and perhaps a tab and a label. Labels are
// numbers from 0 on, or, if any is not a number, names, which are numbered in
// their sorted order. Empty lines do not count.
func (f *imageFiles) parseList(text []byte, dir string) error {
	var labels []string
	n := 0
	for line := range strings.Lines(string(text)) {
		n++
		if len(line) > maxListLine {
			return fmt.Errorf("line %d has %d bytes: want a path a line, perhaps with a tab and a label", n, len(line))
		}
		line = strings.TrimRight(line, "\r\n")
		if strings.TrimSpace(line) == "" {
			continue
		}
		name, label, labelled := strings.Cut(line, "\t")
		label = strings.TrimSpace(label)
		switch {
		case name == "" || strings.ContainsRune(line, 0):
			return fmt.Errorf("line %d: %.80q is not a path, perhaps with a tab and a label", n, line)
		case labelled && label == "":
			return fmt.Errorf("line %d: a tab but no label", n)
		case !labelled:
			if err := otherSeparator(name, dir); err != nil {
				return fmt.Errorf("line %d: %w", n, err)
			}
		}
		f.names = append(f.names, name)
		f.lines = append(f.lines, n)
		labels = append(labels, label)
		f.paths = append(f.paths, listed(name, dir))
	}
	if len(f.paths) == 0 {
		return fmt.Errorf("no images in it")
	}
	return f.numberLabels(labels)
}

// otherSeparator finds a label that something else than a tab divides from the path.
func otherSeparator(line, dir string) error {
	at := strings.LastIndexAny(line, " ,;")
	if at < 0 || isImageName(line) || !isImageName(strings.TrimRight(line[:at], ` ,;"`)) {
		return nil
	}
	if _, err := os.Stat(listed(line, dir)); err == nil {
		return nil // it is a name
	}
	divider := map[byte]string{' ': "a space", ',': "a comma", ';': "a semicolon"}[line[at]]
	return fmt.Errorf("%s stands between a path and its label in %.200q: write a tab", divider, line)
}

// listed is the path that a name in a list means.
func listed(name, dir string) string {
	if filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(dir, filepath.FromSlash(name))
}

// numberLabels turns label texts ("" for none) into numbers.
func (f *imageFiles) numberLabels(labels []string) error {
	const most = 1 << 24
	f.labels = make([]int, len(labels))
	names := slices.Compact(slices.Sorted(slices.Values(labels)))
	names = slices.DeleteFunc(names, func(s string) bool { return s == "" })
	named := slices.ContainsFunc(names, func(s string) bool {
		_, err := strconv.Atoi(s)
		return err != nil
	})
	if named {
		f.classes = names
	}
	for i, label := range labels {
		switch {
		case label == "":
			f.labels[i] = -1
		case named:
			f.labels[i], _ = slices.BinarySearch(names, label)
		default:
			v, err := strconv.Atoi(label)
			if err != nil || v < 0 || v >= most {
				return fmt.Errorf("line %d: label %q of %s is not from 0 to %d", f.lines[i], label, f.names[i], most-1)
			}
			f.labels[i] = v
		}
	}
	return nil
}
