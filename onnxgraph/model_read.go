package onnxgraph

import (
	"fmt"
	"io"
	"os"
	"path/filepath"

	"pmx/internal/onnxpb"
)

// ReadOptions say what a reader accepts. The zero value accepts models that mean
// what the registered operators compute.
type ReadOptions struct {
	// AnyOpset takes models of other operator-set versions as if they were of
	// version 17. It is for cases that are known not to differ, such as ONNX's
	// operator tests.
	AnyOpset bool
	// MaxNodes bounds the nodes after the model's functions are inlined, which
	// could otherwise grow without end: functions call functions. 0 means 131,072.
	MaxNodes int
}

// ReadModel reads ONNX bytes of opset 17 whose operators are registered or are
// functions of the model, which are inlined. Input from strangers is safe to
// read: whatever does not hold together is an error that names the node or the
// tensor.
func ReadModel(data []byte) (*Model, error) { return ReadOptions{}.ReadModel(data) }

// ReadModelFile reads a model and the data files beside it.
func ReadModelFile(path string) (*Model, error) { return ReadOptions{}.ReadModelFile(path) }

// ReadModel is the function of that name under these options.
func (o ReadOptions) ReadModel(data []byte) (*Model, error) {
	m, err := o.read(data, nil)
	if err != nil {
		return nil, fmt.Errorf("onnxgraph: model: %w", err)
	}
	return m, nil
}

// ReadModelFile is the function of that name under these options.
func (o ReadOptions) ReadModelFile(path string) (*Model, error) {
	data, err := readMessageFile(path)
	if err != nil {
		return nil, err
	}
	side := &sideFiles{dir: filepath.Dir(path)}
	defer side.close()
	m, err := o.read(data, side.section)
	if err != nil {
		return nil, fmt.Errorf("onnxgraph: %s: %w", path, err)
	}
	return m, nil
}

func (o ReadOptions) read(data []byte, external externalReader) (*Model, error) {
	message := &onnxpb.ModelProto{}
	if err := unmarshal(data, message); err != nil {
		return nil, fmt.Errorf("not an ONNX model: %w", err)
	}
	return o.decode(message, external)
}

// readMessageFile reads a whole regular file of at most 2 GiB, the most that a
// protobuf message can have.
func readMessageFile(path string) ([]byte, error) {
	f, size, err := openRegular(path)
	if err != nil {
		return nil, fmt.Errorf("onnxgraph: %w", err)
	}
	defer f.Close()
	if size >= 1<<31 {
		return nil, fmt.Errorf("onnxgraph: %s: its %d bytes are more than the 2 GiB of an ONNX message", path, size)
	}
	data := make([]byte, size)
	if _, err := io.ReadFull(f, data); err != nil {
		return nil, fmt.Errorf("onnxgraph: %s: %w", path, err)
	}
	return data, nil
}

// openRegular opens a file that is neither a folder nor a device or pipe, which
// could block or never end, and gives its size.
func openRegular(path string) (*os.File, int64, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, 0, err
	}
	if !info.Mode().IsRegular() {
		return nil, 0, fmt.Errorf("%s is not a regular file", path)
	}
	f, err := os.Open(path)
	return f, info.Size(), err
}
