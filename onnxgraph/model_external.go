package onnxgraph

import (
	"os"
	"path/filepath"
	"strconv"

	"pmx/internal/onnxpb"
)

const (
	// externalSuffix names the data file of model.onnx: model.onnx.data.
	externalSuffix = ".data"
	// externalAlign is the alignment of each tensor in a data file: a page, so
	// that a reader can map it (https://onnx.ai/onnx/repo-docs/ExternalData.html).
	externalAlign = 4096
	// externalFrom is the size from which a tensor is worth a place in the data
	// file. Smaller ones are mostly shapes and axes, which readers want at once.
	externalFrom = 1024
)

// placed is the data of a tensor at its offset in the data file.
type placed struct {
	data   []byte
	offset int64
}

// writeSplit writes the initializers' data to path.data and then the rest to
// path, so that a new model never lacks its data.
func writeSplit(path string, message *onnxpb.ModelProto) error {
	parts := moveOut(message, filepath.Base(path)+externalSuffix)
	head, err := marshal(message)
	if err != nil {
		return err
	}
	err = replaceFileWith(path+externalSuffix, func(f *os.File) error {
		for _, p := range parts {
			if _, err := f.WriteAt(p.data, p.offset); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	return replaceFile(path, head)
}

// moveOut replaces the initializers' data by places in a file called location.
func moveOut(message *onnxpb.ModelProto, location string) []placed {
	var parts []placed
	var offset int64
	for _, t := range message.Graph.Initializer {
		if len(t.RawData) < externalFrom {
			continue
		}
		offset = (offset + externalAlign - 1) / externalAlign * externalAlign
		parts = append(parts, placed{t.RawData, offset})
		t.DataLocation = onnxpb.TensorProto_EXTERNAL.Enum()
		t.ExternalData = []*onnxpb.StringStringEntryProto{
			entry("location", location),
			entry("offset", strconv.FormatInt(offset, 10)),
			entry("length", strconv.Itoa(len(t.RawData))),
		}
		offset += int64(len(t.RawData))
		t.RawData = nil
	}
	return parts
}
