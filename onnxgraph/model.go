package onnxgraph

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"

	"google.golang.org/protobuf/proto"

	"pmx/internal/atomicfile"
	"pmx/internal/onnxpb"
)

// Model is a graph with what a file adds to it, ready for bytes. The functions
// that the graph calls and the versions of its operator sets follow from the
// graph.
type Model struct {
	Graph *Graph
	// Producer and ProducerVersion name the program that made the model.
	Producer, ProducerVersion string
	// Doc describes the model to a reader.
	Doc string
	// Metadata is metadata_props: properties by name, such as pmx.step.
	Metadata map[string]string
}

// ExternalAbove is the size of all constants, in bytes, past which WriteFile
// keeps them in a file of their own: protobuf messages end at 2 GiB, and some
// of that is left for the nodes.
const ExternalAbove = 1<<31 - 1<<27

// Marshal gives the model as ONNX bytes (ModelProto, IR version 9). The same
// graph gives the same bytes. Models past 2 GiB need WriteFile.
func (m *Model) Marshal() ([]byte, error) {
	if n := m.ConstantBytes(); n > ExternalAbove {
		return nil, fmt.Errorf("onnxgraph: graph %s: %d bytes of constants do not fit one message, write it to a file", m.Graph.Name, n)
	}
	message, err := encodeModel(m)
	if err != nil {
		return nil, err
	}
	return marshal(message)
}

// WriteFile writes the model to path, and the constants beside it as path.data
// where they are larger than ExternalAbove. Files are replaced whole: readers see
// the old model or the new one.
func (m *Model) WriteFile(path string) error { return m.WriteFileSplit(path, ExternalAbove) }

// WriteFileSplit is WriteFile with another limit: constants of more than
// externalAbove bytes in all go to path.data.
func (m *Model) WriteFileSplit(path string, externalAbove int64) error {
	message, err := encodeModel(m)
	if err != nil {
		return err
	}
	if m.ConstantBytes() > externalAbove {
		return writeSplit(path, message)
	}
	data, err := marshal(message)
	if err != nil {
		return err
	}
	return atomicfile.WriteBytes(path, data)
}

// Digest identifies the model by a SHA-256, in hex: that of its message without
// the constants' data, then of the data. It does not depend on where a file
// keeps the data.
func (m *Model) Digest() (string, error) {
	message, err := encodeModel(m)
	if err != nil {
		return "", err
	}
	var data [][]byte
	for _, t := range message.Graph.Initializer {
		data = append(data, t.RawData)
		t.RawData = nil
	}
	head, err := marshal(message)
	if err != nil {
		return "", err
	}
	h := sha256.New()
	for _, part := range append([][]byte{head}, data...) {
		var size [8]byte // so that no two lists of parts run together to the same bytes
		binary.LittleEndian.PutUint64(size[:], uint64(len(part)))
		h.Write(size[:])
		h.Write(part)
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// ConstantBytes is the size of the constants' data, nearly all of a model's size.
func (m *Model) ConstantBytes() int64 {
	var n int64
	for _, v := range m.Graph.constants {
		n += int64(len(v.constant.Bytes()))
	}
	return n
}

func marshal(message *onnxpb.ModelProto) ([]byte, error) {
	if size := proto.Size(message); size >= 1<<31 {
		return nil, fmt.Errorf("onnxgraph: graph %s: a message of %d bytes is past the 2 GiB of protobuf", message.Graph.GetName(), size)
	}
	data, err := proto.MarshalOptions{Deterministic: true}.Marshal(message)
	if err != nil {
		return nil, fmt.Errorf("onnxgraph: graph %s: %w", message.Graph.GetName(), err)
	}
	return data, nil
}
