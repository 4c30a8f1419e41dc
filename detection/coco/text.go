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
	head := bufio.NewReader(t.file)
	if first, _ := head.Peek(2); bytes.Equal(first, []byte("\x1f\x8b")) {
		unpacked, err := gzip.NewReader(head)
		if err != nil {
			return fmt.Errorf("a damaged gzip file: %w", err)
		}
		head = bufio.NewReader(unpacked)
	}
	if mark, _ := head.Peek(3); bytes.Equal(mark, []byte("\uFEFF")) {
		if _, err := head.Discard(len(mark)); err != nil {
			return err
		}
	}
	t.text = head
	return nil
}
