package safetensors

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"unicode/utf8"

	"pmx/onnxgraph"
)

// Info describes a tensor without its data.
type Info struct {
	Name  string
	DType onnxgraph.DType // Undefined for a type that is described, but not read
	Type  string          // as the file names it: F32
	Shape onnxgraph.Shape
	Begin int64 // offset of its first byte behind the header
	End   int64 // offset past its last byte
}

// parseHeader reads the header's JSON. It checks each entry for itself;
// checkLayout checks them against each other.
func parseHeader(header []byte) (infos []Info, metadata map[string]string, err error) {
	if len(header) == 0 || header[0] != '{' || !utf8.Valid(header) {
		return nil, nil, errors.New("not a safetensors file: the header is not a JSON object")
	}
	p := headerParser{json.NewDecoder(bytes.NewReader(header))}
	p.UseNumber()
	names := map[string]bool{}
	err = p.object(func(name string) error {
		if names[name] {
			return fmt.Errorf("%q appears twice in the header", name)
		}
		names[name] = true
		if name == metadataKey {
			metadata, err = p.metadata()
			return err
		}
		info, err := p.info(name)
		if err != nil {
			return fmt.Errorf("tensor %q: %w", name, err)
		}
		infos = append(infos, info)
		return nil
	})
	if err != nil {
		return nil, nil, err
	}
	if _, err := p.Token(); !errors.Is(err, io.EOF) {
		return nil, nil, errors.New("the header has something behind its JSON object")
	}
	return infos, metadata, nil
}

// checkLayout sorts infos by place and checks that they cover exactly the size
// bytes behind the header.
func checkLayout(infos []Info, size int64) error {
	slices.SortStableFunc(infos, func(a, b Info) int {
		return cmp.Or(cmp.Compare(a.Begin, b.Begin), cmp.Compare(a.End, b.End))
	})
	var end int64
	for _, info := range infos {
		if info.Begin < end {
			return fmt.Errorf("tensor %q begins at %d, inside the tensor before it, which ends at %d", info.Name, info.Begin, end)
		}
		if info.Begin > end {
			return fmt.Errorf("tensor %q begins at %d, leaving a gap behind %d", info.Name, info.Begin, end)
		}
		end = info.End
	}
	if end > size {
		return fmt.Errorf("%w: the tensors need %d bytes, %d are there", ErrTruncated, end, size)
	}
	if end < size {
		return fmt.Errorf("%d bytes follow the last tensor", size-end)
	}
	return nil
}

// headerParser reads the header token by token: a decoder into Go values would
// let duplicate keys, unknown fields and other spellings pass.
type headerParser struct{ *json.Decoder }

// object reads {"key": value, ...}; member reads each value.
func (p headerParser) object(member func(key string) error) error {
	if err := p.delim('{'); err != nil {
		return err
	}
	for p.More() {
		key, err := p.string()
		if err != nil {
			return err
		}
		if err := member(key); err != nil {
			return err
		}
	}
	return p.delim('}')
}

func (p headerParser) metadata() (map[string]string, error) {
	m := map[string]string{}
	err := p.object(func(key string) error {
		if _, twice := m[key]; twice {
			return fmt.Errorf("metadata %q appears twice", key)
		}
		value, err := p.string()
		if err != nil {
			return fmt.Errorf("metadata %q: %w", key, err)
		}
		m[key] = value
		return nil
	})
	return m, err
}

// info reads {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}.
func (p headerParser) info(name string) (Info, error) {
	info := Info{Name: name}
	var dims, offsets []int64
	var dtype string
	seen := map[string]bool{}
	err := p.object(func(key string) (err error) {
		if seen[key] {
			return fmt.Errorf("%s appears twice", key)
		}
		seen[key] = true
		switch key {
		case "dtype":
			dtype, err = p.string()
		case "shape":
			dims, err = p.integers()
		case "data_offsets":
			offsets, err = p.integers()
		default:
			return fmt.Errorf("unknown field %q", key)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", key, err)
		}
		return nil
	})
	if err != nil {
		return info, err
	}
	for _, key := range []string{"dtype", "shape", "data_offsets"} {
		if !seen[key] {
			return info, fmt.Errorf("%s is missing", key)
		}
	}
	info.Type, info.DType = dtype, dtypeNamed(dtype)
	bits := bitsOf(dtype)
	if bits == 0 {
		return info, fmt.Errorf("elements of type %.40q are not known", dtype)
	}
	if len(offsets) != 2 || offsets[0] > offsets[1] {
		return info, fmt.Errorf("data_offsets %v are not a begin and an end", offsets)
	}
	info.Begin, info.End = offsets[0], offsets[1]
	elements, err := onnxgraph.CheckedSize(dims, math.MaxInt64/64)
	if err != nil {
		return info, err
	}
	if need := (int64(elements)*bits + 7) / 8; need != info.End-info.Begin {
		return info, fmt.Errorf("%s%v needs %d bytes, data_offsets %v hold %d", dtype, dims, need, offsets, info.End-info.Begin)
	}
	info.Shape = make(onnxgraph.Shape, len(dims))
	for i, d := range dims {
		info.Shape[i] = int(d)
	}
	return info, nil
}

func (p headerParser) delim(want json.Delim) error {
	t, err := p.next()
	if err == nil && t != want {
		err = fmt.Errorf("the header has %v where %v is due", t, want)
	}
	return err
}

func (p headerParser) string() (string, error) {
	t, err := p.next()
	if err != nil {
		return "", err
	}
	s, ok := t.(string)
	if !ok {
		return "", fmt.Errorf("the header has %v where a string is due", t)
	}
	return s, nil
}

// integers reads an array of numbers from 0 to 2^63-1.
func (p headerParser) integers() ([]int64, error) {
	if err := p.delim('['); err != nil {
		return nil, err
	}
	list := []int64{}
	for p.More() {
		t, err := p.next()
		if err != nil {
			return nil, err
		}
		text, ok := t.(json.Number)
		if !ok {
			return nil, fmt.Errorf("the header has %v where a number is due", t)
		}
		n, err := strconv.ParseUint(text.String(), 10, 63)
		if err != nil {
			return nil, fmt.Errorf("%s is not a whole number from 0 to 2^63-1", text)
		}
		list = append(list, int64(n))
	}
	return list, p.delim(']')
}

func (p headerParser) next() (json.Token, error) {
	t, err := p.Token()
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return nil, fmt.Errorf("the header is not valid JSON: %w", err)
	}
	return t, nil
}
