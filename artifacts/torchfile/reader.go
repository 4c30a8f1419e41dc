package torchfile

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"pmx/onnxgraph"
)

// Reader gives the object of a file and its tensors. Its methods may be called
// concurrently.
type Reader struct {
	object    any
	objects   []string
	container container
	size      int64 // of the file
	close     func() error
}

// container is where the bytes of storages lie.
type container interface {
	// section reads size bytes of a storage from offset. Whoever reads to the end
	// gets an error if the storage is not what was written.
	section(s *storage, offset, size int64) (io.ReadCloser, error)
}

// Open reads the object of the file at path, without its tensors' elements. The
// caller closes the Reader.
func Open(path string) (*Reader, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("torchfile: %w", err)
	}
	r, err := open(f)
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("torchfile: %s: %w", path, err)
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

// NewReader reads the object from src, which holds size bytes.
func NewReader(src io.ReaderAt, size int64) (*Reader, error) {
	r, err := newReader(src, size)
	if err != nil {
		return nil, fmt.Errorf("torchfile: %w", err)
	}
	return r, nil
}

func newReader(src io.ReaderAt, size int64) (*Reader, error) {
	first := make([]byte, min(size, 512))
	if _, err := io.ReadFull(io.NewSectionReader(src, 0, size), first); err != nil {
		return nil, err
	}
	r := &Reader{size: size}
	var err error
	switch {
	case bytes.HasPrefix(first, zipMagic):
		err = r.openZip(src, size)
	case bytes.HasPrefix(first, legacyMagic):
		err = r.openLegacy(src, size)
	case isTar(first):
		err = errors.New("a tar file of PyTorch before 0.1.10, which is not read: load it there and save it again with a current PyTorch")
	case len(first) > 8 && first[8] == '{':
		err = errors.New("a safetensors file, not one of torch.save: name it .safetensors")
	case len(first) > 0 && opcode(first[0]) == opProto:
		err = errors.New("a bare pickle (numpy arrays, a detectron2 .pkl), which is not read: load it in Python and torch.save its state_dict of tensors")
	case size == 0:
		err = fmt.Errorf("%w: it is empty", errTruncated)
	default:
		err = errors.New("not a file of torch.save")
	}
	if err != nil {
		return nil, err
	}
	if err := (&nesting{}).walk(r.object, 0); err != nil {
		return nil, err
	}
	if o, ok := r.object.(*Object); ok {
		return nil, fmt.Errorf("it holds a Python object, %.200s, which is not made: in Python, save its weights alone, torch.save(model.state_dict(), ...)", o.Class)
	}
	return r, nil
}

// tarMembers are the names that a tar file of torch.save begins with.
var tarMembers = [][]byte{[]byte("sys_info\x00"), []byte("pickle\x00"), []byte("tensors\x00"), []byte("storages\x00"), []byte("./\x00")}

// isTar goes by the first header, with the magic that old tar files lack or without.
func isTar(first []byte) bool {
	if len(first) < 512 {
		return false
	}
	return bytes.HasPrefix(first[257:], []byte("ustar")) || slices.ContainsFunc(tarMembers, func(name []byte) bool { return bytes.HasPrefix(first, name) })
}

// Close closes the file of Open.
func (r *Reader) Close() error {
	if r.close == nil {
		return nil
	}
	return r.close()
}

// Object is what was saved: most often a *Dict, never an *Object.
func (r *Reader) Object() any { return r.object }

// Objects names the classes of what the file holds besides plain values and tensors,
// sorted: argparse.Namespace. None of them was made.
func (r *Reader) Objects() []string { return r.objects }

// mostBytes is how much memory one tensor may take: a file of f bytes can hold one of
// more (a view of stride 0), but not one that anybody would want.
func (r *Reader) mostBytes() int64 { return 2*r.size + 1<<20 }

// Read reads a tensor of this file, with its elements in row-major order.
func (r *Reader) Read(t *Tensor) (*onnxgraph.Tensor, error) {
	out, err := r.read(t)
	if err != nil {
		return nil, fmt.Errorf("torchfile: %v: %w", t, err)
	}
	return out, nil
}

func (r *Reader) read(t *Tensor) (*onnxgraph.Tensor, error) {
	if t.dtype == onnxgraph.Undefined {
		return nil, fmt.Errorf("elements of %s are not supported", t.torch)
	}
	begin, end := t.span()
	need := int64(t.shape.Size()) * t.width
	if most := r.mostBytes(); need > most || end-begin > most {
		return nil, fmt.Errorf("it takes %d bytes, out of a file of %d", need, r.size)
	}
	section, err := r.container.section(t.storage, begin, end-begin)
	if err != nil {
		return nil, err
	}
	defer section.Close()
	if t.contiguous() && t.dtype != onnxgraph.Bool {
		out := onnxgraph.Zeros(t.dtype, t.shape)
		return out, readWhole(section, out.Bytes())
	}
	raw := make([]byte, end-begin)
	if err := readWhole(section, raw); err != nil {
		return nil, err
	}
	if !t.contiguous() {
		gathered := make([]byte, need)
		t.gather(gathered, raw)
		raw = gathered
	}
	return onnxgraph.TensorFromBytes(t.dtype, t.shape, raw)
}

// readWhole fills dst and reads on to the end of r, where checksums are compared.
func readWhole(r io.Reader, dst []byte) error {
	_, err := io.ReadFull(r, dst)
	if err == nil {
		_, err = io.Copy(io.Discard, r)
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("%w inside a storage", errTruncated)
	}
	return err
}
