package jsonscan

import (
	"encoding/json"
	"fmt"
)

// String reads a string.
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

// text reads the string whose opening quote is the next byte.
func (s *Scanner) text() ([]byte, error) {
	s.start = s.Offset()
	s.pos++
	// The common case: all in the buffer, nothing to unescape.
	for i := s.pos; i < s.end; i++ {
		if c := s.buf[i]; c == '"' {
			b := s.buf[s.pos:i]
			s.pos = i + 1
			return b, nil
		} else if c == '\\' || c < ' ' {
			break
		}
	}
	s.scratch = append(s.scratch[:0], '"')
	escapes := false
	for {
		if !s.fill() {
			return nil, s.endError()
		}
		i := s.pos
		for i < s.end && s.buf[i] != '"' && s.buf[i] != '\\' && s.buf[i] >= ' ' {
			i++
		}
		s.scratch = append(s.scratch, s.buf[s.pos:i]...)
		s.pos = i
		if i == s.end {
			continue
		}
		switch c := s.buf[i]; c {
		case '"':
			s.pos++
			if !escapes {
				return s.scratch[1:], nil
			}
			return s.unescape()
		case '\\':
			escapes = true
			s.pos++
			if !s.fill() {
				return nil, s.endError()
			}
			s.scratch = append(s.scratch, '\\', s.buf[s.pos])
			s.pos++
		default:
			return nil, &Error{s.Offset(), fmt.Sprintf("the control character %q in a string must be escaped", rune(c))}
		}
	}
}

// unescape leaves the rules of escapes to encoding/json: few strings have any.
func (s *Scanner) unescape() ([]byte, error) {
	s.scratch = append(s.scratch, '"')
	var text string
	if err := json.Unmarshal(s.scratch, &text); err != nil {
		return nil, s.errorf("%s is not a JSON string", s.scratch)
	}
	return []byte(text), nil
}
