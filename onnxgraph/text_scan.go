package onnxgraph

import (
	"fmt"
	"strings"
)

// scanner reads the tokens of ONNX text. Spaces and comments (# to the end of
// the line) may stand before any token.
type scanner struct {
	src string
	pos int
}

// textError ends a parse; ParseText recovers exactly this type.
type textError struct{ error }

// fail gives up at the position of the next token.
func (s *scanner) fail(format string, args ...any) {
	s.skip()
	line := 1 + strings.Count(s.src[:s.pos], "\n")
	column := s.pos - strings.LastIndexByte(s.src[:s.pos], '\n')
	panic(textError{fmt.Errorf("line %d, column %d: %s", line, column, fmt.Sprintf(format, args...))})
}

func (s *scanner) skip() {
	for s.pos < len(s.src) {
		switch s.src[s.pos] {
		case ' ', '\t', '\r', '\n':
			s.pos++
		case '#':
			end := strings.IndexByte(s.src[s.pos:], '\n')
			if end < 0 {
				end = len(s.src) - s.pos
			}
			s.pos += end
		default:
			return
		}
	}
}

// peek gives the next byte, 0 at the end.
func (s *scanner) peek() byte {
	if s.skip(); s.pos == len(s.src) {
		return 0
	}
	return s.src[s.pos]
}

// accept takes a punctuation token if it comes next.
func (s *scanner) accept(token string) bool {
	s.skip()
	if strings.HasPrefix(s.src[s.pos:], token) {
		s.pos += len(token)
		return true
	}
	return false
}

func (s *scanner) expect(token string) {
	if !s.accept(token) {
		s.fail("want %s, got %s", token, s.context())
	}
}

// context shows what comes next, for an error.
func (s *scanner) context() string {
	s.skip()
	rest := s.src[s.pos:min(len(s.src), s.pos+16)]
	if rest == "" {
		return "the end"
	}
	return fmt.Sprintf("%q", rest)
}

// list reads items between brackets, separated by commas; it may be empty.
func (s *scanner) list(open, end string, item func()) {
	s.expect(open)
	if s.accept(end) {
		return
	}
	for {
		item()
		if s.accept(end) {
			return
		}
		s.expect(",")
	}
}

// identifier reads a bare name, "" if none comes next.
func (s *scanner) identifier() string {
	s.skip()
	start := s.pos
	for s.pos < len(s.src) && isIdentifierByte(s.src[s.pos], s.pos == start) {
		s.pos++
	}
	return s.src[start:s.pos]
}

// str reads a quoted string.
func (s *scanner) str() string {
	s.expect(`"`)
	var b strings.Builder
	for s.pos < len(s.src) {
		c := s.src[s.pos]
		s.pos++
		switch {
		case c == '"':
			return b.String()
		case c == '\\' && s.pos < len(s.src):
			c = s.src[s.pos]
			s.pos++
		}
		b.WriteByte(c)
	}
	s.fail("the string does not end")
	return ""
}

// name reads an identifier or a quoted name.
func (s *scanner) name() string {
	if s.peek() == '"' {
		return s.str()
	}
	id := s.identifier()
	if id == "" {
		s.fail("want a name, got %s", s.context())
	}
	return id
}

// number reads what may be a number: up to the next byte that cannot be in one.
func (s *scanner) number() string {
	s.skip()
	start := s.pos
	for s.pos < len(s.src) {
		if c := s.src[s.pos]; !isIdentifierByte(c, false) && c != '-' && c != '+' && c != '.' {
			break
		}
		s.pos++
	}
	return s.src[start:s.pos]
}

// operator reads domain.parts.Name.
func (s *scanner) operator() (domain, name string) {
	parts := []string{s.identifier()}
	for s.accept(".") {
		parts = append(parts, s.identifier())
	}
	last := len(parts) - 1
	if parts[last] == "" || parts[0] == "" {
		s.fail("want an operator, got %s", s.context())
	}
	return strings.Join(parts[:last], "."), parts[last]
}
