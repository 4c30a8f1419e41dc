package jsonscan

import (
	"fmt"
	"unicode/utf16"
	"unicode/utf8"
)

// String reads a string. Bytes that are not UTF-8 are kept.
func (s *Scanner) String() (string, error) {
	b, err := s.Bytes()
	return string(b), err
}

// Bytes reads a string; the result is valid until the next read.
func (s *Scanner) Bytes() ([]byte, error) {
	if err := s.begin(String); err != nil {
		return nil, err
	}
	return s.text()
}

// plain tells which bytes stand for themselves in a string.
var plain = func() (table [256]bool) {
	for c := ' '; c < 256; c++ {
		table[c] = c != '"' && c != '\\'
	}
	return table
}()

// maxText is the most bytes that a string may have to be read. Those that are skipped may
// have more.
const maxText = 64 << 20

// skipText reads the string whose opening quote is the next byte, and keeps none of it.
func (s *Scanner) skipText() error {
	s.start = s.Offset()
	s.pos++
	for {
		if !s.fill() {
			return s.endError()
		}
		i := s.pos
		for i < s.end && plain[s.buf[i]] {
			i++
		}
		s.pos = i
		if i == s.end {
			continue
		}
		c := s.buf[i]
		if c < ' ' {
			return s.control(c)
		}
		s.pos++
		if c == '"' {
			return nil
		}
		s.scratch = s.scratch[:0]
		if err := s.escape(); err != nil {
			return err
		}
	}
}

// control is the error of a control character c in a string, which is the next byte.
func (s *Scanner) control(c byte) error {
	return &Error{s.Offset(), fmt.Sprintf("the control character %q in a string must be escaped", rune(c))}
}

// text reads the string whose opening quote is the next byte.
func (s *Scanner) text() ([]byte, error) {
	s.start = s.Offset()
	s.pos++
	// The common case: all in the buffer, nothing to unescape.
	i := s.pos
	for i < s.end && plain[s.buf[i]] {
		i++
	}
	if i < s.end && s.buf[i] == '"' {
		b := s.buf[s.pos:i]
		s.pos = i + 1
		return b, nil
	}
	s.scratch = s.scratch[:0]
	for {
		if !s.fill() {
			return nil, s.endError()
		}
		i := s.pos
		for i < s.end && plain[s.buf[i]] {
			i++
		}
		s.scratch = append(s.scratch, s.buf[s.pos:i]...)
		s.pos = i
		if len(s.scratch) > maxText {
			return nil, s.errorf("a string of more than %d MiB", maxText>>20)
		}
		if i == s.end {
			continue
		}
		c := s.buf[i]
		if c < ' ' {
			return nil, s.control(c)
		}
		s.pos++
		if c == '"' {
			return s.scratch, nil
		}
		if err := s.escape(); err != nil {
			return nil, err
		}
	}
}

// unescaped maps the letter behind a backslash to what it stands for.
var unescaped = [256]byte{'"': '"', '\\': '\\', '/': '/', 'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t'}

// escape reads an escape behind its backslash and appends what it stands for.
func (s *Scanner) escape() error {
	if !s.fill() {
		return s.endError()
	}
	c := s.buf[s.pos]
	if v := unescaped[c]; v != 0 {
		s.pos++
		s.scratch = append(s.scratch, v)
		return nil
	}
	if c != 'u' {
		return &Error{s.Offset(), fmt.Sprintf("%q behind a backslash", rune(c))}
	}
	s.pos++
	r, err := s.hex()
	if err != nil {
		return err
	}
	for utf16.IsSurrogate(r) {
		// A lone half becomes U+FFFD; what follows it may be the first half of
		// another character.
		if !s.fill() || s.buf[s.pos] != '\\' {
			r = utf8.RuneError
			break
		}
		s.pos++
		if !s.fill() || s.buf[s.pos] != 'u' {
			s.scratch = utf8.AppendRune(s.scratch, utf8.RuneError)
			return s.escape()
		}
		s.pos++
		next, err := s.hex()
		if err != nil {
			return err
		}
		if pair := utf16.DecodeRune(r, next); pair != utf8.RuneError {
			r = pair
			break
		}
		s.scratch = utf8.AppendRune(s.scratch, utf8.RuneError)
		r = next
	}
	s.scratch = utf8.AppendRune(s.scratch, r)
	return nil
}

// hex reads the four digits of a \u escape.
func (s *Scanner) hex() (r rune, err error) {
	for range 4 {
		if !s.fill() {
			return 0, s.endError()
		}
		c := s.buf[s.pos]
		switch {
		case c-'0' <= 9:
			r = r<<4 | rune(c-'0')
		case c|0x20 >= 'a' && c|0x20 <= 'f':
			r = r<<4 | rune(c|0x20-'a'+10)
		default:
			return 0, &Error{s.Offset(), fmt.Sprintf("%q where a hexadecimal digit is expected", rune(c))}
		}
		s.pos++
	}
	return r, nil
}
