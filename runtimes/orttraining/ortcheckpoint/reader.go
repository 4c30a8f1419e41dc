package ortcheckpoint

import (
	"errors"
	"fmt"

	flatbuffers "github.com/google/flatbuffers/go"
)

// The accessors of the flatbuffers library trust every offset. Those here check
// that whatever an offset leads to lies in the file, at a multiple of its size,
// before the library reads it; the first fault is kept and makes all later reads
// give zeros, so that callers look for it once.

// file is the bytes read, with the first fault found in them.
type file struct {
	data []byte
	// left is how much may still be copied. Offsets may lead to the same place
	// many times over, so that a small file could ask for any amount.
	left int
	err  error
}

func (f *file) fail(format string, args ...any) {
	if f.err == nil {
		f.err = fmt.Errorf(format, args...)
	}
}

// span checks that the file has n elements of size bytes at pos.
func (f *file) span(what string, pos, n, size int) bool {
	switch {
	case f.err != nil:
	case pos < 0 || n < 0 || pos > len(f.data) || n > (len(f.data)-pos)/size:
		f.fail("the file is truncated or damaged: %s at byte %d does not lie in its %d bytes", what, pos, len(f.data))
	case pos%size != 0:
		f.fail("the file is damaged: %s at byte %d is not aligned to %d bytes", what, pos, size)
	default:
		return true
	}
	return false
}

// charge counts n copied bytes.
func (f *file) charge(n int) bool {
	if f.err == nil && n > f.left {
		f.fail("the file is damaged: parts of it are used several times")
	}
	f.left -= n
	return f.err == nil
}

// table is a table whose list of fields lies in the file.
type table struct {
	file *file
	flatbuffers.Table
}

// open finds the root table.
func open(data []byte) (*file, table, error) {
	f := &file{data: data, left: 2 * len(data)}
	if len(data) < 2*flatbuffers.SizeUOffsetT {
		return nil, table{}, errors.New("not a checkpoint: it has less than 8 bytes")
	}
	if got := flatbuffers.GetBufferIdentifier(data); got != identifier {
		return nil, table{}, fmt.Errorf("not a checkpoint: its identifier is %q, want %q", got, identifier)
	}
	t, _ := f.tableAt(int(flatbuffers.GetUOffsetT(data)))
	return f, t, f.err
}

// tableAt checks the table at pos: a signed 32-bit distance back to its list of
// fields, which begins with its own length and the table's, of 16 bits each.
func (f *file) tableAt(pos int) (table, bool) {
	t := table{f, flatbuffers.Table{Bytes: f.data, Pos: flatbuffers.UOffsetT(pos)}}
	if !f.span("a table", pos, 1, flatbuffers.SizeSOffsetT) {
		return t, false
	}
	list := pos - int(t.GetSOffsetT(t.Pos))
	if !f.span("a list of fields", list, 2, flatbuffers.SizeVOffsetT) {
		return t, false
	}
	length := int(flatbuffers.GetVOffsetT(f.data[list:]))
	if length < 4 || length%2 != 0 {
		f.fail("the file is damaged: the list of fields at byte %d has %d bytes", list, length)
		return t, false
	}
	return t, f.span("a list of fields", list, length/2, flatbuffers.SizeVOffsetT)
}

// at is where a field of size bytes lies; false if the table does not have it.
func (t table) at(field, size int) (pos int, ok bool) {
	if t.file.err != nil {
		return 0, false
	}
	distance := int(t.Offset(flatbuffers.VOffsetT(4 + 2*field)))
	if distance == 0 {
		return 0, false
	}
	pos = int(t.Pos) + distance
	return pos, t.file.span("a field", pos, 1, size)
}

// follow is where the offset in a field leads to.
func (t table) follow(field int) (pos int, ok bool) {
	pos, ok = t.at(field, flatbuffers.SizeUOffsetT)
	if !ok {
		return 0, false
	}
	return pos + int(t.GetUOffsetT(flatbuffers.UOffsetT(pos))), true
}

// vector is where a field's n elements of size bytes begin.
func (t table) vector(field, size int) (begin, n int) {
	pos, ok := t.follow(field)
	if !ok || !t.file.span("a vector", pos, 1, flatbuffers.SizeUOffsetT) {
		return 0, 0
	}
	n = int(t.GetUOffsetT(flatbuffers.UOffsetT(pos)))
	begin = pos + flatbuffers.SizeUOffsetT
	if n == 0 || !t.file.span("a vector", begin, n, size) {
		return 0, 0 // an empty vector of 8-byte elements need not be aligned to 8
	}
	return begin, n
}

func (t table) table(field int) (table, bool) {
	pos, ok := t.follow(field)
	if !ok {
		return table{}, false
	}
	return t.file.tableAt(pos)
}

func (t table) tables(field int) []table {
	begin, n := t.vector(field, flatbuffers.SizeUOffsetT)
	if !t.file.charge(flatbuffers.SizeUOffsetT * n) {
		return nil
	}
	var list []table
	for i := range n {
		pos := begin + flatbuffers.SizeUOffsetT*i
		e, ok := t.file.tableAt(pos + int(t.GetUOffsetT(flatbuffers.UOffsetT(pos))))
		if !ok {
			return nil
		}
		list = append(list, e)
	}
	return list
}

// bytes views a vector of bytes, which the caller copies once.
func (t table) bytes(field int) []byte {
	begin, n := t.vector(field, 1)
	if !t.file.charge(n) {
		return nil
	}
	return t.Bytes[begin : begin+n : begin+n]
}

// string copies a string, behind which the format has a zero byte.
func (t table) string(field int) string {
	begin, n := t.vector(field, 1)
	if !t.file.charge(n) || n == 0 || !t.file.span("a string's end", begin+n, 1, 1) {
		return ""
	}
	if t.Bytes[begin+n] != 0 {
		t.file.fail("the file is damaged: the string at byte %d does not end in a zero byte", begin)
		return ""
	}
	return string(t.Bytes[begin : begin+n])
}

func (t table) int64s(field, limit int) []int64 {
	begin, n := t.vector(field, 8)
	if n > limit {
		t.file.fail("the file is damaged: a tensor has %d dimensions", n)
		return nil
	}
	var list []int64
	for i := range n {
		list = append(list, t.GetInt64(flatbuffers.UOffsetT(begin+8*i)))
	}
	return list
}

func (t table) bool(field int) bool {
	pos, ok := t.at(field, 1)
	return ok && t.Bytes[pos] != 0
}

func (t table) int32(field int) int32 {
	pos, ok := t.at(field, 4)
	if !ok {
		return 0
	}
	return t.GetInt32(flatbuffers.UOffsetT(pos))
}

func (t table) float32(field int) float32 {
	pos, ok := t.at(field, 4)
	if !ok {
		return 0
	}
	return t.GetFloat32(flatbuffers.UOffsetT(pos))
}

func (t table) int64(field int) int64 { return t.int64Or(field, 0) }

func (t table) int64Or(field int, absent int64) int64 {
	pos, ok := t.at(field, 8)
	if !ok {
		return absent
	}
	return t.GetInt64(flatbuffers.UOffsetT(pos))
}
