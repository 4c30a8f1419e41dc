package safetensors

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"iter"
	"maps"
	"os"

	"pmx/onnxgraph"
)

// Reader gives the tensors of a file. Its methods may be called concurrently.
type Reader struct {
	src      io.ReaderAt
	close    func() error
	start    int64 // of the data
	infos    []Info
	byName   map[string]int
	metadata map[string]string
}

// Open reads the header of the file at path. The caller closes the Reader.
func Open(path string) (*Reader, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("safetensors: %w", err)
	}
	r, err := open(f)
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("safetensors: %s: %w", path, err)
	}
	return r, nil
}

func open(f *os.File) (*Reader, error) {
	stat, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !stat.Mode().IsRegular() {
		return nil, errors.New("not a regular file")
	}
	r, err := newReader(f, stat.Size())
	if err != nil {
		return nil, err
	}
	r.close = f.Close
	return r, nil
}

// NewReader reads the header from src, which holds size bytes.
func NewReader(src io.ReaderAt, size int64) (*Reader, error) {
	r, err := newReader(src, size)
	if err != nil {
		return nil, fmt.Errorf("safetensors: %w", err)
	}
	return r, nil
}

func newReader(src io.ReaderAt, size int64) (*Reader, error) {
	var first [9]byte // the header's size and its first byte
	if _, err := io.ReadFull(io.NewSectionReader(src, 0, size), first[:]); errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, fmt.Errorf("%w: %d bytes are too few for a header", ErrTruncated, size)
	} else if err != nil {
		return nil, err
	}
	n := binary.LittleEndian.Uint64(first[:])
	if first[8] != '{' {
		return nil, errors.New("not a safetensors file: the header is not a JSON object")
	}
	if n > MaxHeader {
		return nil, fmt.Errorf("not a safetensors file: a header of %d bytes, the format allows %d", n, MaxHeader)
	}
	start := 8 + int64(n)
	if start > size {
		return nil, fmt.Errorf("%w: the header needs %d bytes, %d are there", ErrTruncated, start, size)
	}
	header := make([]byte, n)
	if _, err := io.ReadFull(io.NewSectionReader(src, 8, int64(n)), header); err != nil {
		return nil, err
	}
	infos, metadata, err := parseHeader(header)
	if err != nil {
		return nil, err
	}
	if err := checkLayout(infos, size-start); err != nil {
		return nil, err
	}
	r := &Reader{src: src, start: start, infos: infos, metadata: metadata, byName: make(map[string]int, len(infos))}
	for i, info := range infos {
		r.byName[info.Name] = i
	}
	return r, nil
}

// Close closes the file of Open.
func (r *Reader) Close() error {
	if r.close == nil {
		return nil
	}
	return r.close()
}

// Metadata is a copy of the file's string metadata.
func (r *Reader) Metadata() map[string]string { return maps.Clone(r.metadata) }

// Infos describes all tensors in the order of their data. It must not be changed.
func (r *Reader) Infos() []Info { return r.infos }

// Info describes one tensor.
func (r *Reader) Info(name string) (Info, bool) {
	i, ok := r.byName[name]
	if !ok {
		return Info{}, false
	}
	return r.infos[i], true
}

// Tensor reads one tensor.
func (r *Reader) Tensor(name string) (*onnxgraph.Tensor, error) {
	info, ok := r.Info(name)
	if !ok {
		return nil, fmt.Errorf("safetensors: no tensor is called %q", name)
	}
	if info.DType == onnxgraph.Undefined {
		return nil, fmt.Errorf("safetensors: tensor %q is of %s, which is listed but not read: convert it to F16 or F32", name, info.Type)
	}
	t := onnxgraph.Zeros(info.DType, info.Shape)
	return t, r.read(info, t)
}

// ReadInto reads one tensor into dst, which must have its type and shape.
func (r *Reader) ReadInto(name string, dst *onnxgraph.Tensor) error {
	info, ok := r.Info(name)
	if !ok {
		return fmt.Errorf("safetensors: no tensor is called %q", name)
	}
	if info.DType != dst.DType() || !info.Shape.Equal(dst.Shape()) {
		return fmt.Errorf("safetensors: tensor %q is %v%v in the file, %v was expected", name, info.DType, info.Shape, dst)
	}
	return r.read(info, dst)
}

// All reads the tensors one after the other, in the order of their data. It
// stops at the first error.
func (r *Reader) All() iter.Seq2[Named, error] {
	return func(yield func(Named, error) bool) {
		for _, info := range r.infos {
			t, err := r.Tensor(info.Name)
			if !yield(Named{info.Name, t}, err) || err != nil {
				return
			}
		}
	}
}

func (r *Reader) read(info Info, dst *onnxgraph.Tensor) error {
	raw := dst.Bytes()
	if info.DType == onnxgraph.Bool { // a Go bool must be 0 or 1, a file may hold anything
		raw = make([]byte, len(raw))
	}
	if _, err := io.ReadFull(io.NewSectionReader(r.src, r.start+info.Begin, info.End-info.Begin), raw); err != nil {
		return fmt.Errorf("safetensors: tensor %q: %w", info.Name, err)
	}
	if info.DType == onnxgraph.Bool {
		bools := onnxgraph.Data[bool](dst)
		for i, v := range raw {
			bools[i] = v != 0
		}
	}
	return nil
}

// ReadFile reads all tensors, in the order of their data, and the metadata.
func ReadFile(path string) ([]Named, map[string]string, error) {
	r, err := Open(path)
	if err != nil {
		return nil, nil, err
	}
	defer r.Close()
	list := make([]Named, 0, len(r.infos))
	for t, err := range r.All() {
		if err != nil {
			return nil, nil, fmt.Errorf("%s: %w", path, err)
		}
		list = append(list, t)
	}
	return list, r.Metadata(), nil
}
