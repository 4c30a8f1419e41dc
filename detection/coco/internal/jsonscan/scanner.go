// Package jsonscan reads JSON from a stream in constant memory, value by value,
// and knows the byte position of everything it reads.
//
// It exists for speed and for its messages: annotation files are hundreds of
// megabytes of short numbers, which it reads about ten times faster than the
// token decoder of encoding/json (detection/RATIONALE.md has the measurement),
// and it names the NaN and Infinity that Python writes into JSON instead of
// calling them invalid characters.
//
// The caller walks the text in order:
//
//	s := jsonscan.New(r)
//	err := s.Object(func(key []byte) error {
//		switch string(key) {
//		case "score":
//			score, err = s.Float()
//			return err
//		}
//		return s.Skip()
//	})
//	if err == nil {
//		err = s.End()
//	}
//
// What it accepts is exactly RFC 8259, as encoding/json reads it, except for SkipPython.
package jsonscan

import (
	"errors"
	"fmt"
	"io"
)

const (
	bufferSize = 256 << 10
	// maxDepth is how deep arrays and objects may nest, as in encoding/json.
	maxDepth = 10000
)

// Kind is the type of a JSON value.
type Kind byte

// The kinds of values. Invalid stands for the end of the text and for any byte
// that cannot begin a value.
const (
	Invalid Kind = iota
	Null
	Bool
	Number
	String
	Array
	Object
)

func (k Kind) String() string {
	return [...]string{"nothing", "null", "a boolean", "a number", "a string", "an array", "an object"}[k]
}

// Error is text that is not JSON, or a value of another type than was asked for.
type Error struct {
	Offset int64 // of the offending byte, counted from 0
	Msg    string
}

func (e *Error) Error() string { return fmt.Sprintf("byte %d: %s", e.Offset, e.Msg) }

// Scanner reads one JSON text. It is not safe for concurrent use.
type Scanner struct {
	r       io.Reader
	readErr error // what the reader returned at last: io.EOF at the end

	buf      []byte
	pos, end int   // the unread bytes are buf[pos:end]
	base     int64 // position of buf[0] in the text
	start    int64 // position of the value begun last

	depth   int
	key     []byte // the key of the member being read
	scratch []byte // a string or number that the end of the buffer cuts
}

// New returns a scanner at the beginning of the text.
func New(r io.Reader) *Scanner { return newSize(r, bufferSize) }

func newSize(r io.Reader, size int) *Scanner {
	return &Scanner{r: r, buf: make([]byte, size)}
}

// Offset is the position of the next unread byte.
func (s *Scanner) Offset() int64 { return s.base + int64(s.pos) }

// Start is the position of the value whose reading began last, for messages
// about a value that has been read already.
func (s *Scanner) Start() int64 { return s.start }

// fill makes at least one unread byte available, or returns false at the end of
// the text or when reading failed.
func (s *Scanner) fill() bool {
	if s.pos < s.end {
		return true
	}
	s.base += int64(s.end)
	s.pos, s.end = 0, 0
	for tries := 0; s.end == 0 && s.readErr == nil; tries++ {
		s.end, s.readErr = s.r.Read(s.buf)
		if tries == 100 && s.end == 0 && s.readErr == nil {
			s.readErr = io.ErrNoProgress
		}
	}
	return s.end > 0
}

// peek returns the next byte after white space without reading it; ok is false
// at the end.
func (s *Scanner) peek() (c byte, ok bool) {
	for {
		for s.pos < s.end {
			c = s.buf[s.pos]
			if c > ' ' || c != ' ' && c != '\n' && c != '\t' && c != '\r' {
				return c, true
			}
			s.pos++
		}
		if !s.fill() {
			return 0, false
		}
	}
}

// Peek tells what kind of value comes next without reading it.
func (s *Scanner) Peek() Kind {
	c, ok := s.peek()
	if !ok {
		return Invalid
	}
	switch {
	case c == '{':
		return Object
	case c == '[':
		return Array
	case c == '"':
		return String
	case c == 't' || c == 'f':
		return Bool
	case c == 'n':
		return Null
	// N and I begin the NaN and Infinity that Float explains.
	case c == '-' || c == 'N' || c == 'I' || '0' <= c && c <= '9':
		return Number
	}
	return Invalid
}

// begin skips white space to the next value, which must be of the given kind.
func (s *Scanner) begin(want Kind) error {
	got := s.Peek()
	s.start = s.Offset()
	if got == want {
		return nil
	}
	if got != Invalid {
		return s.errorf("%v where %v is expected", got, want)
	}
	return s.unexpected(want.String())
}

// unexpected is the error for a next byte that cannot stand where it does.
func (s *Scanner) unexpected(want string) error {
	c, ok := s.peek()
	if !ok {
		return s.endError()
	}
	return &Error{s.Offset(), fmt.Sprintf("%q where %s is expected", rune(c), want)}
}

// endError is the error for text that stops too early: what the reader said, or
// that the file is cut off.
func (s *Scanner) endError() error {
	if s.readErr != nil && !errors.Is(s.readErr, io.EOF) {
		return s.readErr
	}
	return &Error{s.Offset(), "the text ends in the middle of a value, the file is cut off"}
}

// errorf is an error at the value begun last.
func (s *Scanner) errorf(format string, args ...any) error {
	return &Error{s.start, fmt.Sprintf(format, args...)}
}

// Object reads an object and calls member after each key; member must read the
// value. The key is valid until that value is read.
func (s *Scanner) Object(member func(key []byte) error) error {
	if err := s.begin(Object); err != nil {
		return err
	}
	if err := s.descend(); err != nil {
		return err
	}
	s.pos++
	for first := true; ; first = false {
		c, ok := s.peek()
		if ok && c == '}' && first {
			break
		}
		if !ok || c != '"' {
			return s.unexpected("a key in double quotes")
		}
		key, err := s.text()
		if err != nil {
			return err
		}
		s.key = append(s.key[:0], key...) // looking for the colon may refill the buffer
		if c, ok = s.peek(); !ok || c != ':' {
			return s.unexpected("a colon")
		}
		s.pos++
		if err := member(s.key); err != nil {
			return err
		}
		c, ok = s.peek()
		if ok && c == ',' {
			s.pos++
			continue
		}
		if ok && c == '}' {
			break
		}
		return s.unexpected("a comma or the end of the object")
	}
	s.pos++
	s.depth--
	return nil
}

// Array reads an array and calls element before each element, with its index;
// element must read it.
func (s *Scanner) Array(element func(i int) error) error {
	if err := s.begin(Array); err != nil {
		return err
	}
	if err := s.descend(); err != nil {
		return err
	}
	s.pos++
	for i := 0; ; i++ {
		c, ok := s.peek()
		if ok && c == ']' && i == 0 {
			break
		}
		if !ok {
			return s.endError()
		}
		if err := element(i); err != nil {
			return err
		}
		c, ok = s.peek()
		if ok && c == ',' {
			s.pos++
			continue
		}
		if ok && c == ']' {
			break
		}
		return s.unexpected("a comma or the end of the array")
	}
	s.pos++
	s.depth--
	return nil
}

func (s *Scanner) descend() error {
	if s.depth++; s.depth > maxDepth {
		return s.errorf("values nest more than %d deep", maxDepth)
	}
	return nil
}

// Bool reads true or false.
func (s *Scanner) Bool() (bool, error) {
	if err := s.begin(Bool); err != nil {
		return false, err
	}
	if s.buf[s.pos] == 't' {
		return true, s.literal("true")
	}
	return false, s.literal("false")
}

// Null reads null.
func (s *Scanner) Null() error {
	if err := s.begin(Null); err != nil {
		return err
	}
	return s.literal("null")
}

func (s *Scanner) literal(word string) error {
	for i := range len(word) {
		if !s.fill() {
			return s.endError()
		}
		if s.buf[s.pos] != word[i] {
			return &Error{s.Offset(), fmt.Sprintf("%q in the middle of %s", rune(s.buf[s.pos]), word)}
		}
		s.pos++
	}
	return nil
}

// Skip reads a value of any kind and forgets it.
func (s *Scanner) Skip() error {
	return s.skip(func() error { _, err := s.number(); return err })
}

// SkipPython is Skip, and takes the NaN and Infinity that Python's json writes.
func (s *Scanner) SkipPython() error { return s.skip(s.skipPython) }

func (s *Scanner) skip(number func() error) error {
	switch s.Peek() {
	case Object:
		return s.Object(func([]byte) error { return s.skip(number) })
	case Array:
		return s.Array(func(int) error { return s.skip(number) })
	case String:
		return s.skipText()
	case Number:
		return number()
	case Bool:
		_, err := s.Bool()
		return err
	case Null:
		return s.Null()
	}
	return s.unexpected("a value")
}

// End checks that nothing but white space follows.
func (s *Scanner) End() error {
	if _, ok := s.peek(); ok {
		return s.unexpected("the end of the file")
	}
	if errors.Is(s.readErr, io.EOF) {
		return nil
	}
	return s.readErr
}
