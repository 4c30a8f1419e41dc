package images

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// The binary version of CIFAR: records of one label byte (CIFAR-100: two, coarse
// and fine) and 32x32 pixels as three planes.
// https://www.cs.toronto.edu/~kriz/cifar.html
const cifarSide = 32

var (
	_ = Formats.Add("cifar10", cifar{
		name: "cifar10", labelBytes: 1, count: 10, train: "data_batch_*.bin", test: "test_batch*.bin", names: "batches.meta.txt", usual: "cifar-10-batches-bin",
		classes: []string{"airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"},
	}.format("CIFAR-10, binary version: data_batch_*.bin, test_batch.bin"))
	_ = Formats.Add("cifar100", cifar{
		name: "cifar100", labelBytes: 2, count: 100, train: "train*.bin", test: "test*.bin", names: "fine_label_names.txt", usual: "cifar-100-binary",
	}.format("CIFAR-100, binary version, fine labels: train.bin, test.bin"))
)

type cifar struct {
	name        string
	labelBytes  int // the last one counts
	count       int // of classes, where no file names them
	train, test string
	names       string // file of class names, one a line
	usual       string // the folder that the archive unpacks to
	classes     []string
}

func (c cifar) format(help string) Format {
	return Format{Arg: "DIR", Help: help, open: c.open, detect: func(path string, info os.FileInfo) certainty {
		path = c.folder(path)
		if info.IsDir() && (c.name == "cifar10" || !has(path, "data_batch_*.bin")) && (has(path, c.train) || has(path, c.test)) {
			return sure
		}
		return no
	}}
}

// folder is where the files are: in dir, or in the folder that the archive has in it.
func (c cifar) folder(dir string) string {
	if below := filepath.Join(dir, c.usual); !has(dir, c.train) && has(below, c.train) {
		return below
	}
	return dir
}

func has(dir, pattern string) bool { return len(matches(dir, pattern)) > 0 }

// matches lists what is no folder in a folder, sorted; x.head.bin is left out if x.bin
// is there too.
func matches(dir, pattern string) []string {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil
	}
	var files []string
	for _, e := range entries {
		if ok, _ := filepath.Match(pattern, e.Name()); ok && !e.IsDir() {
			files = append(files, filepath.Join(dir, e.Name()))
		}
	}
	return slices.DeleteFunc(slices.Clone(files), func(f string) bool {
		whole, isHead := strings.CutSuffix(f, ".head.bin")
		return isHead && slices.Contains(files, whole+".bin")
	})
}

func (c cifar) open(dir, split string, _ openOptions) (Dataset, error) {
	dir = c.folder(dir)
	if _, err := os.ReadDir(dir); err != nil {
		return nil, fmt.Errorf("images: %s: %w", c.name, err)
	}
	pattern := c.train
	if split == Test {
		pattern = c.test
	}
	files := matches(dir, pattern)
	if len(files) == 0 {
		if split == Test && has(dir, c.train) {
			return nil, fmt.Errorf("images: %s: %w: no %s in %s, copy it there", c.name, ErrNoSplit, pattern, dir)
		}
		return nil, fmt.Errorf("images: %s: no %s in %s, download the binary version", c.name, pattern, dir)
	}
	d := &records{name: c.name + " " + split, classes: c.classes, w: cifarSide, h: cifarSide, planar: true}
	if text, err := os.ReadFile(filepath.Join(dir, c.names)); err == nil {
		d.classes = strings.Fields(string(text))
	}
	for _, file := range files {
		if _, err := statFile(file); err != nil {
			return nil, fmt.Errorf("images: %s: %s: %w", c.name, file, err)
		}
		raw, err := os.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("images: %s: %w", c.name, err)
		}
		if err := c.parse(d, raw); err != nil {
			return nil, fmt.Errorf("images: %s: %s: %w", c.name, file, err)
		}
	}
	return d, nil
}

// parse adds the records of one file.
func (c cifar) parse(d *records, raw []byte) error {
	const pixels = 3 * cifarSide * cifarSide
	size := c.labelBytes + pixels
	if len(raw) == 0 || len(raw)%size != 0 {
		return fmt.Errorf("%d bytes are not a whole number of %d-byte records, download it again", len(raw), size)
	}
	d.pix = slices.Grow(d.pix, len(raw)/size*pixels)
	classes := c.count
	if len(d.classes) > 0 {
		classes = len(d.classes)
	}
	for n := 0; len(raw) > 0; raw, n = raw[size:], n+1 {
		if label := int(raw[c.labelBytes-1]); label >= classes {
			return fmt.Errorf("record %d has label %d, but there are %d classes, download it again", n, label, classes)
		}
		d.labels = append(d.labels, raw[c.labelBytes-1])
		d.pix = append(d.pix, raw[c.labelBytes:size]...)
	}
	return nil
}
