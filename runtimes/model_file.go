package runtimes

import (
	"fmt"
	"os"
	"path/filepath"

	"pmx/onnxgraph"
)

// openModel hands a model to one of two functions that compile it: as bytes or,
// past the 2 GiB of one message, as a file with its constants beside it. That file
// is gone afterwards; what a library has mapped of it stays until it is unmapped.
func openModel(m *onnxgraph.Model, o Options, bytes func(data []byte) error, file func(path string) error) (err error) {
	limit := o.externalAbove
	if limit == 0 {
		limit = onnxgraph.ExternalAbove
	}
	size := m.ConstantBytes()
	if size <= limit {
		data, err := m.Marshal()
		if err != nil {
			return err
		}
		return bytes(data)
	}
	dir, err := os.MkdirTemp("", "pmx-model-")
	if err != nil {
		return fmt.Errorf("runtimes: a model with %d MiB of constants goes to the library by a file: %w; TMPDIR names another folder", size>>20, err)
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "model.onnx")
	if err := m.WriteFileSplit(path, limit); err != nil {
		return fmt.Errorf("runtimes: a model with %d MiB of constants goes to the library by a file: %w; TMPDIR names another folder", size>>20, err)
	}
	return file(path)
}
