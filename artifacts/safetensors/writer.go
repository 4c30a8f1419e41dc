package safetensors

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"unicode/utf8"

	"pmx/internal/atomicfile"
)

// WriteFile writes tensors in the given order, and metadata (may be nil), to a
// file that appears whole or not at all. The data is not copied.
func WriteFile(path string, tensors []Named, metadata map[string]string) error {
	return atomicfile.Write(path, func(w io.Writer) error { return Write(w, tensors, metadata) })
}

// Write writes tensors in the given order, and metadata (may be nil), to w.
// The same arguments give the same bytes.
func Write(w io.Writer, tensors []Named, metadata map[string]string) error {
	header, err := encodeHeader(tensors, metadata)
	if err != nil {
		return fmt.Errorf("safetensors: %w", err)
	}
	if _, err := w.Write(header); err != nil {
		return fmt.Errorf("safetensors: %w", err)
	}
	for _, t := range tensors {
		if _, err := w.Write(t.Bytes()); err != nil {
			return fmt.Errorf("safetensors: tensor %q: %w", t.Name, err)
		}
	}
	return nil
}

// encodeHeader gives the bytes in front of the data, padded with spaces so
// that the data begins at a multiple of 8.
func encodeHeader(tensors []Named, metadata map[string]string) ([]byte, error) {
	b := bytes.NewBuffer(make([]byte, 8, 8+128*len(tensors)))
	b.WriteByte('{')
	if len(metadata) > 0 {
		b.WriteString(`"` + metadataKey + `":{`)
		for i, key := range slices.Sorted(maps.Keys(metadata)) {
			if i > 0 {
				b.WriteByte(',')
			}
			if err := writeJSONStrings(b, key, metadata[key]); err != nil {
				return nil, fmt.Errorf("metadata %q: %w", key, err)
			}
		}
		b.WriteByte('}')
	}
	seen := make(map[string]bool, len(tensors))
	offset := 0
	for _, t := range tensors {
		rank := dtypeRank(t.DType())
		switch {
		case t.Name == metadataKey:
			return nil, fmt.Errorf("no tensor can be called %s", metadataKey)
		case seen[t.Name]:
			return nil, fmt.Errorf("two tensors are called %q", t.Name)
		case rank < 0:
			return nil, fmt.Errorf("tensor %q: %v has no place in the format", t.Name, t.DType())
		}
		seen[t.Name] = true
		if b.Len() > 9 {
			b.WriteByte(',')
		}
		if err := writeJSONStrings(b, t.Name); err != nil {
			return nil, fmt.Errorf("tensor %q: %w", t.Name, err)
		}
		fmt.Fprintf(b, `:{"dtype":"%s","shape":[`, dtypes[rank].name)
		for i, d := range t.Shape() {
			if i > 0 {
				b.WriteByte(',')
			}
			fmt.Fprint(b, d)
		}
		end := offset + len(t.Bytes())
		fmt.Fprintf(b, `],"data_offsets":[%d,%d]}`, offset, end)
		offset = end
	}
	b.WriteByte('}')
	for b.Len()%8 != 0 {
		b.WriteByte(' ')
	}
	header := b.Bytes()
	n := len(header) - 8
	if n > MaxHeader {
		return nil, fmt.Errorf("names, shapes and metadata take %d bytes, the format allows %d", n, MaxHeader)
	}
	binary.LittleEndian.PutUint64(header, uint64(n))
	return header, nil
}

// writeJSONStrings writes one string, or "key":"value".
func writeJSONStrings(b *bytes.Buffer, parts ...string) error {
	for i, s := range parts {
		if !utf8.ValidString(s) {
			return fmt.Errorf("%q is not UTF-8", s)
		}
		if i > 0 {
			b.WriteByte(':')
		}
		e := json.NewEncoder(b)
		e.SetEscapeHTML(false) // as other writers of the format
		if err := e.Encode(s); err != nil {
			return err
		}
		b.Truncate(b.Len() - 1) // the newline of Encode
	}
	return nil
}
