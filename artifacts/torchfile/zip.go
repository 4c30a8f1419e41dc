package torchfile

import (
	"archive/zip"
	"cmp"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math"
	"slices"
	"strings"
	"sync"
)

var zipMagic = []byte("PK\x03\x04")

// Limits of a zip file.
const (
	maxDirectory = 16 << 20 // bytes: about 200,000 entries
	maxVersion   = 64       // bytes of the small text entries
)

// zipContainer is a storage for each entry X/data/K.
type zipContainer struct {
	src     io.ReaderAt
	size    int64
	entries map[string]*zip.File // by the name without its folder
	starts  map[*zip.File]int64  // of the entries' bytes

	mu       sync.Mutex
	verified map[*zip.File]bool // whose checksum was found right
}

func (r *Reader) openZip(src io.ReaderAt, size int64) error {
	c, err := newZipContainer(src, size)
	if err != nil {
		return err
	}
	if c.isTorchScript() {
		return errors.New("a TorchScript program, whose weights are not read: in Python, torch.save(torch.jit.load(FILE).state_dict(), ...)")
	}
	pickle := c.entries["data.pkl"]
	if pickle == nil {
		return errors.New("a zip file without data.pkl: not one of torch.save")
	}
	order, err := c.text("byteorder")
	if err != nil {
		return err
	}
	if order != "" && order != "little" {
		return fmt.Errorf("its bytes are in %.20s-endian order, which is not read", order)
	}
	if pickle.UncompressedSize64 > maxPickle {
		return fmt.Errorf("data.pkl has %d bytes, at most %d are read", pickle.UncompressedSize64, int64(maxPickle))
	}
	raw, err := pickle.Open()
	if err != nil {
		return err
	}
	defer raw.Close()
	storages := storageTable{}
	u := &unpickler{src: newSource(raw), classes: map[string]bool{}}
	u.storage = func(id Tuple) *storage {
		return storages.parse(id, c.check)
	}
	if r.object, err = u.load(); err != nil {
		return err
	}
	if _, err := io.Copy(io.Discard, raw); err != nil { // for its checksum
		return fmt.Errorf("data.pkl: %w", err)
	}
	r.objects, r.container = u.objects(), c
	return nil
}

// newZipContainer reads the directory and checks that no two entries share bytes.
func newZipContainer(src io.ReaderAt, size int64) (*zipContainer, error) {
	limited := &limitedReaderAt{ReaderAt: src, left: maxDirectory}
	archive, err := zip.NewReader(limited, size)
	if errors.Is(err, zip.ErrFormat) {
		return nil, fmt.Errorf("the zip file has no directory at its end: %w", errTruncated)
	}
	if err != nil {
		return nil, err
	}
	limited.left = math.MaxInt64 // entries have checks of their own
	c := &zipContainer{src: src, size: size, entries: map[string]*zip.File{}, starts: map[*zip.File]int64{}, verified: map[*zip.File]bool{}}
	top := ""
	for _, f := range archive.File {
		folder, name, found := strings.Cut(f.Name, "/")
		if !found || folder == "" || strings.Contains(f.Name, "\\") || slices.ContainsFunc(strings.Split(f.Name, "/"), func(part string) bool { return part == ".." }) {
			return nil, fmt.Errorf("an entry is called %.100q: want all of them in one folder", f.Name)
		}
		if top == "" {
			top = folder
		}
		if folder != top {
			return nil, fmt.Errorf("it has two folders, %.100q and %.100q: want one", top, folder)
		}
		if strings.HasSuffix(f.Name, "/") {
			continue
		}
		if c.entries[name] != nil {
			return nil, fmt.Errorf("entry %.100q appears twice", f.Name)
		}
		if f.Method != zip.Store && f.Method != zip.Deflate {
			return nil, fmt.Errorf("entry %.100q is compressed by method %d, stored and deflated ones are read", f.Name, f.Method)
		}
		if c.starts[f], err = f.DataOffset(); err != nil {
			return nil, fmt.Errorf("entry %.100q: %w", f.Name, err)
		}
		c.entries[name] = f
	}
	return c, c.checkPlaces()
}

// checkPlaces: entries lie in the file and do not overlap.
func (c *zipContainer) checkPlaces() error {
	var files []*zip.File
	for _, f := range c.entries {
		if start := c.starts[f]; f.CompressedSize64 > uint64(c.size) || int64(f.CompressedSize64) > c.size-start {
			return fmt.Errorf("%w: entry %.100q needs %d bytes from %d, the file has %d", errTruncated, f.Name, f.CompressedSize64, start, c.size)
		}
		if f.Method == zip.Store && f.CompressedSize64 != f.UncompressedSize64 {
			return fmt.Errorf("entry %.100q is stored, but has %d bytes out of %d", f.Name, f.UncompressedSize64, f.CompressedSize64)
		}
		files = append(files, f)
	}
	slices.SortFunc(files, func(a, b *zip.File) int {
		return cmp.Or(cmp.Compare(c.starts[a], c.starts[b]), cmp.Compare(a.Name, b.Name))
	})
	for i, f := range files[:max(0, len(files)-1)] {
		next := files[i+1]
		// The local header of the next entry lies before its bytes.
		if gap := c.starts[next] - c.starts[f] - int64(f.CompressedSize64); gap < localHeader {
			return fmt.Errorf("entries %.100q and %.100q overlap", f.Name, next.Name)
		}
	}
	return nil
}

func (c *zipContainer) isTorchScript() bool {
	for name := range c.entries {
		if name == "constants.pkl" || strings.HasPrefix(name, "code/") {
			return true
		}
	}
	return false
}

// limitedReaderAt fails after left bytes.
type limitedReaderAt struct {
	io.ReaderAt
	left int64
}

func (r *limitedReaderAt) ReadAt(p []byte, offset int64) (int, error) {
	if r.left < math.MaxInt64 {
		if r.left -= int64(len(p)); r.left < 0 {
			return 0, fmt.Errorf("the directory of the zip file has more than %d bytes", maxDirectory)
		}
	}
	return r.ReaderAt.ReadAt(p, offset)
}

// localHeader is the least that lies before an entry's bytes.
const localHeader = 30

// text reads a small entry, "" if there is none.
func (c *zipContainer) text(name string) (string, error) {
	f := c.entries[name]
	if f == nil {
		return "", nil
	}
	r, err := f.Open()
	if err != nil {
		return "", err
	}
	defer r.Close()
	text, err := io.ReadAll(io.LimitReader(r, maxVersion))
	return strings.TrimSpace(string(text)), err
}

// check compares a storage with its entry.
func (c *zipContainer) check(s *storage) {
	f := c.entries["data/"+s.key]
	if f == nil || strings.Contains(s.key, "/") {
		fail("%v is not in the file", s)
	}
	if f.UncompressedSize64 != uint64(s.bytes()) {
		fail("%v has %d bytes, its tensors declare %d", s, f.UncompressedSize64, s.bytes())
	}
}

// section verifies the checksum of a stored entry once and reads the section alone;
// a deflated entry is read through each time.
func (c *zipContainer) section(s *storage, offset, size int64) (io.ReadCloser, error) {
	f := c.entries["data/"+s.key]
	if f.Method == zip.Deflate {
		if most := 4*c.size + 1<<20; s.bytes() > most {
			return nil, fmt.Errorf("%v has %d bytes, deflated in a file of %d", s, s.bytes(), c.size)
		}
		r, err := f.Open()
		if err != nil {
			return nil, err
		}
		if _, err := io.CopyN(io.Discard, r, offset); err != nil {
			r.Close()
			return nil, err
		}
		return r, nil
	}
	if err := c.verify(f); err != nil {
		return nil, fmt.Errorf("%v: %w", s, err)
	}
	return io.NopCloser(io.NewSectionReader(c.src, c.starts[f]+offset, size)), nil
}

// verify compares a stored entry with its checksum, 0 being none.
func (c *zipContainer) verify(f *zip.File) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.verified[f] || f.CRC32 == 0 {
		return nil
	}
	sum := crc32.NewIEEE()
	size := int64(f.CompressedSize64)
	buffer := make([]byte, min(1<<18, size+1))
	if _, err := io.CopyBuffer(sum, io.NewSectionReader(c.src, c.starts[f], size), buffer); err != nil {
		return err
	}
	if sum.Sum32() != f.CRC32 {
		return zip.ErrChecksum
	}
	c.verified[f] = true
	return nil
}
