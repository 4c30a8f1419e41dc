// Package idx reads and writes the IDX format of MNIST and its successors, for
// arrays of bytes: two zero bytes, the type (8 for bytes), the number of
// dimensions, each dimension as a big-endian uint32, then the data.
// http://yann.lecun.com/exdb/mnist/
package idx

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
)

const (
	typeByte = 8
	maxDims  = 4
	maxSize  = 640 << 20 // larger than any such file in use: EMNIST's has 547 MB
	// maxRatio is how much deflate unpacks of a byte at most.
	// https://zlib.net/zlib_tech.html
	maxRatio = 1032
)

// ReadFile reads an IDX file, plain or compressed with gzip.
func ReadFile(path string) (dims []int, data []byte, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, nil, err
	}
	if dims, data, err = Read(f, info.Size()); err != nil {
		return nil, nil, fmt.Errorf("%s: %w", path, err)
	}
	return dims, data, nil
}

// Read reads one array, plain or compressed with gzip, up to the end of r, which holds
// n bytes. The memory it takes is bounded by that, not by what the header promises, and
// by maxSize.
func Read(r io.Reader, n int64) (dims []int, data []byte, err error) {
	in := bufio.NewReader(r)
	if magic, _ := in.Peek(2); bytes.Equal(magic, []byte{0x1f, 0x8b}) {
		z, err := gzip.NewReader(in)
		if err != nil {
			return nil, nil, fmt.Errorf("idx: gzip: %w", err)
		}
		defer z.Close()
		return read(z, n*maxRatio)
	}
	return read(in, n)
}

// read reads an array that has at most so many bytes.
func read(r io.Reader, most int64) ([]int, []byte, error) {
	var magic [4]byte
	if _, err := io.ReadFull(r, magic[:]); err != nil {
		return nil, nil, fmt.Errorf("idx: header: %w", eof(err))
	}
	if magic[0] != 0 || magic[1] != 0 || magic[2] != typeByte || magic[3] < 1 || magic[3] > maxDims {
		return nil, nil, fmt.Errorf("idx: header % x, want 00 00 08 and 01 to %02x: not an IDX file of bytes", magic, maxDims)
	}
	dims, size := make([]int, magic[3]), uint64(1)
	for i := range dims {
		var d [4]byte
		if _, err := io.ReadFull(r, d[:]); err != nil {
			return nil, nil, fmt.Errorf("idx: dimension %d: %w", i, eof(err))
		}
		n := binary.BigEndian.Uint32(d[:])
		if size *= uint64(n); size > maxSize {
			return nil, nil, fmt.Errorf("idx: dimensions %v x %d hold more than %d bytes", dims[:i], n, uint64(maxSize))
		}
		dims[i] = int(n)
	}
	if int64(size) > most {
		return nil, nil, fmt.Errorf("idx: dimensions %v need %d bytes: the file is cut off", dims, size)
	}
	data := make([]byte, size)
	switch got, err := io.ReadFull(r, data); {
	case errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF):
		return nil, nil, fmt.Errorf("idx: %d bytes of data, dimensions %v need %d: the file is cut off", got, dims, size)
	case err != nil:
		return nil, nil, fmt.Errorf("idx: data: %w", err)
	}
	if _, err := io.ReadFull(r, magic[:1]); err == nil {
		return nil, nil, fmt.Errorf("idx: more data than the dimensions %v need (%d bytes)", dims, size)
	} else if !errors.Is(err, io.EOF) {
		return nil, nil, fmt.Errorf("idx: data: %w", eof(err))
	}
	return dims, data, nil
}

// Write writes an array; len(data) must be the product of dims.
func Write(w io.Writer, dims []int, data []byte) error {
	size := 1
	for _, d := range dims {
		size *= d
	}
	if size != len(data) || len(dims) < 1 || len(dims) > maxDims {
		return fmt.Errorf("idx: %d bytes cannot be written as an array %v", len(data), dims)
	}
	header := []byte{0, 0, typeByte, byte(len(dims))}
	for _, d := range dims {
		header = binary.BigEndian.AppendUint32(header, uint32(d))
	}
	if _, err := w.Write(header); err != nil {
		return err
	}
	_, err := w.Write(data)
	return err
}

func eof(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return errors.New("the file is cut off")
	}
	return err
}
