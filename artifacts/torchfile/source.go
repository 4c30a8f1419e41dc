package torchfile

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
)

// Limits of a pickle. A training's checkpoint of thousands of tensors, optimizer and
// indices of a sampler beside it, is far below them.
const (
	maxPickle  = 64 << 20 // bytes
	maxString  = 16 << 20 // bytes
	maxLine    = 1 << 12  // of a module's or a class's name
	maxOpcodes = 1e7
	maxStack   = 1e6 // values, marks and memo entries, each
	maxLong    = 16  // bytes of an integer
	// maxValues bounds the memory of what the pickle builds: an element of a list
	// counts 1, a container as much as its header takes.
	maxValues     = 2e6
	containerCost = 4
	tensorCost    = 16
	maxDepth      = 1000
	maxDims       = 16
)

var errTruncated = errors.New("the file is truncated")

// failure is the panic that ends a pickle; unpickler.load recovers it.
type failure struct{ err error }

func fail(format string, args ...any) { panic(failure{fmt.Errorf(format, args...)}) }

// source is the bytes of a pickle, or of several back to back.
type source struct {
	r    *bufio.Reader
	pos  int64
	left int64 // of maxPickle
}

func newSource(r io.Reader) *source {
	return &source{r: bufio.NewReader(r), left: maxPickle}
}

func (s *source) take(n int64) {
	if n > s.left {
		fail("the pickle is longer than %d bytes", int64(maxPickle))
	}
	s.left -= n
	s.pos += n
}

func (s *source) byte() byte {
	s.take(1)
	b, err := s.r.ReadByte()
	if err != nil {
		failRead(err)
	}
	return b
}

// bytes reads n bytes. The buffer grows with what arrives: n is only declared.
func (s *source) bytes(n uint64) []byte {
	if n > maxString {
		fail("a string of %d bytes is declared, at most %d are read", n, maxString)
	}
	s.take(int64(n))
	if n <= 4096 {
		b := make([]byte, n)
		if _, err := io.ReadFull(s.r, b); err != nil {
			failRead(err)
		}
		return b
	}
	var b bytes.Buffer
	if _, err := io.CopyN(&b, s.r, int64(n)); err != nil {
		failRead(err)
	}
	return b.Bytes()
}

// uint reads n bytes, little-endian.
func (s *source) uint(n int) uint64 {
	var v uint64
	for i := range n {
		v |= uint64(s.byte()) << (8 * i)
	}
	return v
}

// line reads up to a newline, without it.
func (s *source) line() string {
	var b []byte
	for {
		c := s.byte()
		if c == '\n' {
			return string(b)
		}
		if b = append(b, c); len(b) > maxLine {
			fail("a name is longer than %d bytes", maxLine)
		}
	}
}

func failRead(err error) {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		err = fmt.Errorf("%w: it ends inside the pickle", errTruncated)
	}
	panic(failure{err})
}
