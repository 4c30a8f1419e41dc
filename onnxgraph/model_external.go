package onnxgraph

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"

	"pmx/internal/atomicfile"
	"pmx/internal/onnxpb"
)

// External data, https://onnx.ai/onnx/repo-docs/ExternalData.html

// ExternalSuffix names the data file of model.onnx: model.onnx.data.
const ExternalSuffix = ".data"

const (
	// externalAlign is the alignment of each tensor in a data file: a page, so
	// that a reader can map it.
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
	parts := moveOut(message, filepath.Base(path)+ExternalSuffix)
	head, err := marshal(message)
	if err != nil {
		return err
	}
	err = atomicfile.Write(path+ExternalSuffix, func(w io.Writer) error {
		var at int64
		for _, p := range parts {
			for _, data := range [][]byte{make([]byte, p.offset-at), p.data} {
				if _, err := w.Write(data); err != nil {
					return err
				}
			}
			at = p.offset + int64(len(p.data))
		}
		return nil
	})
	if err != nil {
		return err
	}
	return atomicfile.WriteBytes(path, head)
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

// sideFiles reads data files of one folder.
type sideFiles struct {
	dir  string
	open map[string]*sideFile
}

type sideFile struct {
	*os.File
	size int64
}

// section finds a tensor's bytes. A model may be from a stranger, so a place
// outside the model's folder, or past the end of a file, is refused before
// anything is opened or allocated.
func (s *sideFiles) section(t *onnxpb.TensorProto) (*io.SectionReader, error) {
	place, err := externalPlace(t)
	if err != nil {
		return nil, err
	}
	f, err := s.file(place.location)
	if err != nil {
		return nil, err
	}
	if place.length < 0 {
		place.length = f.size - place.offset
	}
	if place.offset > f.size || place.length > f.size-place.offset {
		return nil, fmt.Errorf("its data is at bytes %d to %d of %s, which has %d", place.offset, place.offset+place.length, place.location, f.size)
	}
	return io.NewSectionReader(f, place.offset, place.length), nil
}

func (s *sideFiles) file(location string) (*sideFile, error) {
	if f := s.open[location]; f != nil {
		return f, nil
	}
	f, size, err := openRegular(filepath.Join(s.dir, location))
	if err != nil {
		return nil, fmt.Errorf("its data is missing: %w", err)
	}
	if s.open == nil {
		s.open = map[string]*sideFile{}
	}
	s.open[location] = &sideFile{f, size}
	return s.open[location], nil
}

func (s *sideFiles) close() {
	for _, f := range s.open {
		f.Close()
	}
}

// place says where a tensor's data lies; length -1 means up to the end.
type place struct {
	location       string
	offset, length int64
}

func externalPlace(t *onnxpb.TensorProto) (place, error) {
	p := place{length: -1}
	for _, e := range t.ExternalData {
		var err error
		switch e.GetKey() {
		case "location":
			p.location = e.GetValue()
		case "offset":
			p.offset, err = strconv.ParseInt(e.GetValue(), 10, 64)
		case "length":
			p.length, err = strconv.ParseInt(e.GetValue(), 10, 64)
		default: // checksum and what else there may come
			continue
		}
		if err != nil || p.offset < 0 || p.length < -1 {
			return place{}, fmt.Errorf("its external %s %q is no number of bytes", e.GetKey(), e.GetValue())
		}
	}
	if !filepath.IsLocal(p.location) {
		return place{}, fmt.Errorf("its external location %q is not a path below the model's folder", p.location)
	}
	return p, nil
}
