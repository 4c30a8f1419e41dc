package jsonscan

import (
	"bytes"
	"math"
	"strconv"
)

// numberByte tells which bytes may occur in a JSON number.
var numberByte = func() (table [256]bool) {
	for _, c := range "0123456789+-.eE" {
		table[c] = true
	}
	return table
}()

// pow10 holds the powers of ten that float64 represents exactly.
var pow10 = [...]float64{
	1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10,
	1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22,
}

// Float reads a number. The result is the float64 nearest to the decimal text,
// as strconv.ParseFloat has it.
func (s *Scanner) Float() (float64, error) {
	if v, ok := s.shortDecimal(); ok {
		return v, nil
	}
	text, err := s.number()
	if err != nil {
		return 0, err
	}
	v, err := strconv.ParseFloat(string(text), 64)
	if err != nil {
		return 0, s.errorf("the number %s is too large", text)
	}
	return v, nil
}

// shortDecimal reads numbers such as -12, 0.5 or 321.02, nearly all there are in
// an annotation file: up to 15 digits without exponent, not cut by the end of
// the buffer. Numerator and power of ten are then exact, so that their quotient
// is the correctly rounded value. It reads nothing if it cannot take the number.
func (s *Scanner) shortDecimal() (v float64, ok bool) {
	if _, any := s.peek(); !any {
		return 0, false
	}
	const maxDigits = 15
	b := s.buf[s.pos:s.end]
	i, negative := 0, b[0] == '-'
	if negative {
		i = 1
	}
	first, mantissa := i, uint64(0)
	for i < len(b) && b[i]-'0' <= 9 {
		mantissa = mantissa*10 + uint64(b[i]-'0')
		i++
	}
	digits := i - first
	if digits == 0 || digits > maxDigits || digits > 1 && b[first] == '0' {
		return 0, false
	}
	decimals := 0
	if i < len(b) && b[i] == '.' {
		point := i
		i++
		for i < len(b) && b[i]-'0' <= 9 && digits <= maxDigits {
			mantissa = mantissa*10 + uint64(b[i]-'0')
			digits++
			i++
		}
		decimals = i - point - 1
		if decimals == 0 || digits > maxDigits {
			return 0, false
		}
	}
	if i == len(b) || numberByte[b[i]] {
		return 0, false
	}
	s.start = s.Offset()
	s.pos += i
	v = float64(mantissa)
	if decimals > 0 {
		v /= pow10[decimals]
	}
	if negative {
		v = -v
	}
	return v, true
}

// Int reads a number whose value is an integer; 42.0 and 4.2e1 are 42.
func (s *Scanner) Int() (int64, error) {
	if v, ok := s.shortDecimal(); ok {
		if v != math.Trunc(v) {
			return 0, s.errorf("the number %v is not an integer", v)
		}
		return int64(v), nil
	}
	text, err := s.number()
	if err != nil {
		return 0, err
	}
	if v, err := strconv.ParseInt(string(text), 10, 64); err == nil {
		return v, nil
	}
	const exact = 1 << 53 // beyond it neighbouring integers share a float64
	v, err := strconv.ParseFloat(string(text), 64)
	if err != nil || math.Abs(v) > exact {
		return 0, s.errorf("the integer %s is too large", text)
	}
	if v != math.Trunc(v) {
		return 0, s.errorf("the number %s is not an integer", text)
	}
	return int64(v), nil
}

// Floats reads an array of numbers and appends them to dst.
func (s *Scanner) Floats(dst []float64) ([]float64, error) {
	err := s.Array(func(int) error {
		v, err := s.Float()
		dst = append(dst, v)
		return err
	})
	return dst, err
}

// number reads a number and returns its text, valid until the next read.
func (s *Scanner) number() ([]byte, error) {
	if err := s.begin(Number); err != nil {
		return nil, err
	}
	s.scratch = s.scratch[:0]
	for s.fill() {
		i := s.pos
		for i < s.end && numberByte[s.buf[i]] {
			i++
		}
		s.scratch = append(s.scratch, s.buf[s.pos:i]...)
		s.pos = i
		if i < s.end {
			break
		}
	}
	text := s.scratch
	if isNumber(text) {
		return text, nil
	}
	if word := s.nonFinite(); word != "" {
		return nil, s.errorf("%s%s is not a number that JSON knows, Python wrote it: remove or repair it where it is computed", text, word)
	}
	if len(text) == 0 {
		return nil, s.unexpected("a number")
	}
	return nil, s.errorf("%q is not a number", text)
}

// nonFinite returns the word with which Python's json writes a value that is
// not finite, if that is what comes next.
func (s *Scanner) nonFinite() string {
	for _, word := range []string{"NaN", "Infinity"} {
		if bytes.HasPrefix(s.buf[s.pos:s.end], []byte(word)) {
			return word
		}
	}
	return ""
}

// isNumber checks the grammar of RFC 8259, section 6.
func isNumber(b []byte) bool {
	b = bytes.TrimPrefix(b, []byte("-"))
	n := digits(b)
	if n == 0 || n > 1 && b[0] == '0' {
		return false
	}
	if b = b[n:]; len(b) > 0 && b[0] == '.' {
		if n = digits(b[1:]); n == 0 {
			return false
		}
		b = b[1+n:]
	}
	if len(b) > 0 && (b[0] == 'e' || b[0] == 'E') {
		if b = b[1:]; len(b) > 0 && (b[0] == '+' || b[0] == '-') {
			b = b[1:]
		}
		if n = digits(b); n == 0 {
			return false
		}
		b = b[n:]
	}
	return len(b) == 0
}

// digits counts the decimal digits that b begins with.
func digits(b []byte) (n int) {
	for n < len(b) && b[n]-'0' <= 9 {
		n++
	}
	return n
}
