package torchfile

import (
	"archive/zip"
	"fmt"
	"hash/crc32"
	"io"
	"math"
	"strconv"

	"pmx/internal/atomicfile"
)

// alignment is where storages begin, so that torch.load(mmap=True) can use them in place.
const alignment = 64

// folder is the one folder of a zip file; any name will do.
const folder = "archive/"

// WriteFile writes object (see Write) to a file that appears whole or not at all.
func WriteFile(path string, object any) error {
	return atomicfile.Write(path, func(w io.Writer) error { return Write(w, object) })
}

// Write writes object as torch.save does, so that torch.load reads it with
// weights_only and mmap: nil, bool, int, int64, float64, string, Tuple, *List, *Dict and
// *onnxgraph.Tensor, nested. The same object gives the same bytes.
func Write(w io.Writer, object any) error {
	var p pickler
	if err := p.object(object); err != nil {
		return fmt.Errorf("torchfile: %w", err)
	}
	z := newZipWriter(w)
	z.entry("data.pkl", p.b.Bytes())
	z.entry("byteorder", []byte("little"))
	for i, t := range p.tensors {
		z.entry("data/"+strconv.Itoa(i), t.Bytes())
	}
	z.entry("version", []byte("3\n"))
	if err := z.close(); err != nil {
		return fmt.Errorf("torchfile: %w", err)
	}
	return nil
}

// zipWriter writes stored entries that begin at multiples of alignment. It keeps the
// first error.
type zipWriter struct {
	z     *zip.Writer
	count *countingWriter
	err   error
}

func newZipWriter(w io.Writer) *zipWriter {
	count := &countingWriter{w: w}
	return &zipWriter{z: zip.NewWriter(count), count: count}
}

func (z *zipWriter) entry(name string, data []byte) {
	if z.err == nil {
		z.err = z.write(folder+name, data)
	}
}

func (z *zipWriter) write(name string, data []byte) error {
	if uint64(len(data)) >= math.MaxUint32 {
		return fmt.Errorf("%s: a tensor of 4 GiB or more is not written", name)
	}
	if err := z.z.Flush(); err != nil { // for the place of the entry
		return err
	}
	header := &zip.FileHeader{
		Name: name, Method: zip.Store, CRC32: crc32.ChecksumIEEE(data),
		CompressedSize64: uint64(len(data)), UncompressedSize64: uint64(len(data)),
		Extra: padding(z.count.n + localHeader + int64(len(name))),
	}
	w, err := z.z.CreateRaw(header)
	if err != nil {
		return err
	}
	_, err = w.Write(data)
	return err
}

func (z *zipWriter) close() error {
	if z.err != nil {
		return z.err
	}
	return z.z.Close()
}

// padding is the extra field "FB" that PyTorch's writer has too: 4 bytes of header and
// what is missing to a multiple of alignment behind it.
func padding(begin int64) []byte {
	n := -(begin + 4) & (alignment - 1)
	extra := append([]byte{'F', 'B', byte(n), 0}, make([]byte, n)...)
	for i := range extra[4:] {
		extra[4+i] = 'Z'
	}
	return extra
}

type countingWriter struct {
	w io.Writer
	n int64
}

func (c *countingWriter) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.n += int64(n)
	return n, err
}
