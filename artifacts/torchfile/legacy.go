package torchfile

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/big"
)

// legacyMagic is the pickle, of protocol 2, of the number 0x1950a86a20f9469cfc6c.
var legacyMagic = []byte{0x80, 2, 0x8a, 10, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19, '.'}

// legacyVersion is the protocol version that every legacy file has.
const legacyVersion = 1001

// legacyContainer is storages one after the other in a file.
type legacyContainer struct {
	src    io.ReaderAt
	begins map[string]int64 // of the elements, by key
}

func (c *legacyContainer) section(s *storage, offset, size int64) (io.ReadCloser, error) {
	return io.NopCloser(io.NewSectionReader(c.src, c.begins[s.key]+offset, size)), nil
}

func (r *Reader) openLegacy(src io.ReaderAt, size int64) error {
	storages := storageTable{}
	u := &unpickler{src: newSource(io.NewSectionReader(src, 0, size)), classes: map[string]bool{}}
	u.storage = func(id Tuple) *storage { return legacyStorage(storages, id) }

	var parts [5]any // the magic number, the version, the machine, the object, the keys
	for i := range parts {
		var err error
		if parts[i], err = u.load(); err != nil {
			return err
		}
	}
	if _, ok := parts[0].(*big.Int); !ok || parts[1] != int64(legacyVersion) {
		return fmt.Errorf("version %v of the legacy container, %d is known", parts[1], legacyVersion)
	}
	if machine, ok := parts[2].(*Dict); ok {
		if little, ok := machine.Get("little_endian"); ok && little != true {
			return errors.New("it was written on a big-endian machine, which is not read")
		}
	}
	keys, ok := parts[4].(*List)
	if !ok {
		return errors.New("the keys of its storages are not a list")
	}
	c := &legacyContainer{src: src, begins: map[string]int64{}}
	at := u.src.pos
	for _, item := range keys.Items {
		key, _ := item.(string)
		s := storages[key]
		if s == nil {
			return fmt.Errorf("storage %.100q is of no tensor", fmt.Sprint(item))
		}
		if _, twice := c.begins[key]; twice {
			return fmt.Errorf("%v appears twice", s)
		}
		var count [8]byte
		if _, err := io.ReadFull(io.NewSectionReader(src, at, size-at), count[:]); err != nil {
			return fmt.Errorf("%w before %v", errTruncated, s)
		}
		if n := int64(binary.LittleEndian.Uint64(count[:])); n != s.count {
			return fmt.Errorf("%v has %d elements, its tensors declare %d", s, n, s.count)
		}
		at += 8
		if s.bytes() > size-at {
			return fmt.Errorf("%w inside %v: it needs %d bytes, %d are there", errTruncated, s, s.bytes(), size-at)
		}
		c.begins[key] = at
		at += s.bytes()
	}
	if len(c.begins) != len(storages) {
		return fmt.Errorf("of %d storages %d are there", len(storages), len(c.begins))
	}
	r.object, r.objects, r.container = parts[3], u.objects(), c
	return nil
}

// legacyStorage is the storage that a tuple names, or the part of it that a view is.
func legacyStorage(storages storageTable, id Tuple) *storage {
	s := storages.parse(id, func(*storage) {})
	if len(id) < 6 || id[5] == nil {
		return s
	}
	view, ok := id[5].(Tuple) // key, offset, count
	if !ok || len(view) != 3 {
		fail("a view of %v that is not (key, offset, count)", s)
	}
	offset, ok1 := view[1].(int64)
	count, ok2 := view[2].(int64)
	if !ok1 || !ok2 || offset < 0 || count < 0 || offset > s.count || count > s.count-offset {
		fail("a view of %v beyond its %d elements", s, s.count)
	}
	part := *s
	part.base, part.count = offset, count
	return &part
}
