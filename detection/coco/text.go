package coco

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
)

// textReader reads a file's text: unpacked where that is gzip's, and without a byte order
// mark, which JSON has not (RFC 8259, 8.1) and some editors write.
type textReader struct {
	file io.Reader
	text io.Reader // nil until the first bytes are seen
	err  error     // of unpacking
}

func (t *textReader) Read(p []byte) (int, error) {
	if t.text == nil && t.err == nil {
		t.err = t.begin()
	}
	if t.err != nil {
		return 0, t.err
	}
	return t.text.Read(p)
}

func (t *textReader) begin() error {
	packed := &countingReader{r: t.file}
	head := bufio.NewReader(packed)
	if first, _ := head.Peek(2); bytes.Equal(first, []byte("\x1f\x8b")) {
		unpacked, err := gzip.NewReader(head)
		if err != nil {
			return fmt.Errorf("a damaged gzip file: %w", err)
		}
		head = bufio.NewReader(&boundedUnpacking{r: unpacked, packed: packed})
	}
	if mark, _ := head.Peek(3); bytes.Equal(mark, []byte("\uFEFF")) {
		if _, err := head.Discard(len(mark)); err != nil {
			return err
		}
	}
	t.text = head
	return nil
}

// Text of this size may be packed as tightly as gzip can; more of it shrinks to a hundredth
// only where it was made to fill the memory.
const (
	freelyUnpacked = 32 << 20
	mostUnpacking  = 100
)

// boundedUnpacking ends where a small file unpacks to a huge text.
type boundedUnpacking struct {
	r      io.Reader
	packed *countingReader
	n      int64
}

func (b *boundedUnpacking) Read(p []byte) (int, error) {
	n, err := b.r.Read(p)
	if b.n += int64(n); b.n > freelyUnpacked && b.n > mostUnpacking*b.packed.n {
		return 0, fmt.Errorf("the file unpacks to more than %d times its size, beyond %d MiB: unpack it by gzip -d if it is what it should be", mostUnpacking, freelyUnpacked>>20)
	}
	return n, err
}

// countingReader counts the bytes that are read.
type countingReader struct {
	r io.Reader
	n int64
}

func (c *countingReader) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	return n, err
}
