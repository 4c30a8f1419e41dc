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
		return 0, s.errorf("the number %s is too large", quote(text))
	}
	return v, nil
}

// shortDecimal reads the next number if decimal can take it, and else nothing.
func (s *Scanner) shortDecimal() (v float64, ok bool) {
	if _, more := s.peek(); !more {
		return 0, false
	}
	v, n := decimal(s.buf[s.pos:s.end])
	if n == 0 {
		return 0, false
	}
	s.start = s.Offset()
	s.pos += n
	return v, true
}

// decimal reads a number such as -12, 0.5 or 321.02 from the beginning of b, with
// up to 15 digits and no exponent; nearly all numbers of an annotation file are
// such. Numerator and power of ten are then exact, so that their quotient is the
// correctly rounded value. n is the length of the number; it is 0 if the number is
// of another kind, malformed, or perhaps cut off by the end of b.
func decimal(b []byte) (v float64, n int) {
	const maxDigits = 15
	first := 0
	if len(b) > 0 && b[0] == '-' {
		first = 1
	}
	mantissa, point := uint64(0), -1
	i := first
	for ; i < len(b); i++ {
		c := b[i]
		if c-'0' <= 9 {
			mantissa = mantissa*10 + uint64(c-'0')
			continue
		}
		if c != '.' || point >= 0 {
			break
		}
		point = i
	}
	digits, decimals := i-first, 0
	if point >= 0 {
		digits--
		decimals = i - point - 1
	}
	switch {
	case i == len(b) || b[i]|0x20 == 'e' || b[i] == '.' || b[i] == '+' || b[i] == '-':
		return 0, 0
	case digits == 0 || digits > maxDigits || point == first || point == i-1:
		return 0, 0
	case b[first] == '0' && digits-decimals > 1:
		return 0, 0
	}
	v = float64(mantissa)
	if decimals > 0 {
		v /= pow10[decimals]
	}
	if first == 1 {
		v = -v
	}
	return v, i
}

// skipPython reads a number, or one that is not finite as Python writes it.
func (s *Scanner) skipPython() error {
	text, err := s.digits()
	if err != nil {
		return err
	}
	if (len(text) == 0 || string(text) == "-") && s.fill() {
		switch s.buf[s.pos] {
		case 'N':
			return s.literal("NaN")
		case 'I':
			return s.literal("Infinity")
		}
	}
	_, err = s.checkNumber(text)
	return err
}

// Integer is Int, and the text of a number that is not a whole one of 64 bits.
func (s *Scanner) Integer() (v int64, text string, err error) {
	if v, ok := s.shortDecimal(); ok && v == math.Trunc(v) {
		return int64(v), "", nil
	} else if ok {
		return 0, strconv.FormatFloat(v, 'g', -1, 64), nil
	}
	digits, err := s.number()
	if err != nil {
		return 0, "", err
	}
	if v, err := strconv.ParseInt(string(digits), 10, 64); err == nil {
		return v, "", nil
	}
	if len(digits) > maxQuote {
		return 0, "", s.errorf("a number of %d digits", len(digits))
	}
	const exact = 1 << 53 // beyond it neighbouring integers share a float64
	if v, err := strconv.ParseFloat(string(digits), 64); err == nil && v == math.Trunc(v) && math.Abs(v) <= exact {
		return int64(v), "", nil
	}
	return 0, string(digits), nil
}

// maxQuote is how much of a text messages quote.
const maxQuote = 80

// quote shortens a text for a message.
func quote(text []byte) string {
	if len(text) <= maxQuote {
		return string(text)
	}
	return string(text[:maxQuote]) + "..."
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
		return 0, s.errorf("the integer %s is too large", quote(text))
	}
	if v != math.Trunc(v) {
		return 0, s.errorf("the number %s is not an integer", quote(text))
	}
	return int64(v), nil
}

// NotFinite reports whether the number that comes next is NaN or an infinity, as Python
// writes them; call it where Peek has found a number.
func (s *Scanner) NotFinite() bool {
	c := s.buf[s.pos]
	if c == '-' && s.pos+1 < s.end {
		c = s.buf[s.pos+1]
	}
	return c == 'N' || c == 'I'
}

// MoreFloats reads a number within an array and appends it to dst, and perhaps some that
// follow.
func (s *Scanner) MoreFloats(dst []float64) ([]float64, error) {
	v, err := s.Float()
	if err != nil {
		return dst, err
	}
	return s.shortDecimals(append(dst, v)), nil
}

// shortDecimals appends to dst the numbers that follow, each behind a comma, as
// long as decimal can take them and the buffer holds them.
func (s *Scanner) shortDecimals(dst []float64) []float64 {
	b := s.buf[s.pos:s.end]
	at := 0
	for {
		i := at
		if i >= len(b) || b[i] != ',' {
			break
		}
		if i++; i < len(b) && b[i] == ' ' {
			i++
		}
		v, n := decimal(b[i:])
		if n == 0 {
			break
		}
		dst = append(dst, v)
		at = i + n
	}
	s.pos += at
	return dst
}

// number reads a number and returns its text, valid until the next read.
func (s *Scanner) number() ([]byte, error) {
	text, err := s.digits()
	if err != nil {
		return nil, err
	}
	return s.checkNumber(text)
}

// digits reads the bytes of a number, which may not be one.
func (s *Scanner) digits() ([]byte, error) {
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
		if len(s.scratch) > maxText {
			return nil, s.errorf("a number of more than %d MiB", maxText>>20)
		}
	}
	return s.scratch, nil
}

// checkNumber is text if it is a number.
func (s *Scanner) checkNumber(text []byte) ([]byte, error) {
	if isNumber(text) {
		return text, nil
	}
	if word := s.nonFinite(); word != "" {
		return nil, s.errorf("%s%s is not a number that JSON knows, Python wrote it: remove or repair it where it is computed", quote(text), word)
	}
	if len(text) == 0 {
		return nil, s.unexpected("a number")
	}
	return nil, s.errorf("%q is not a number", quote(text))
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
	n := countDigits(b)
	if n == 0 || n > 1 && b[0] == '0' {
		return false
	}
	if b = b[n:]; len(b) > 0 && b[0] == '.' {
		if n = countDigits(b[1:]); n == 0 {
			return false
		}
		b = b[1+n:]
	}
	if len(b) > 0 && (b[0] == 'e' || b[0] == 'E') {
		if b = b[1:]; len(b) > 0 && (b[0] == '+' || b[0] == '-') {
			b = b[1:]
		}
		if n = countDigits(b); n == 0 {
			return false
		}
		b = b[n:]
	}
	return len(b) == 0
}

// countDigits counts the decimal digits that b begins with.
func countDigits(b []byte) (n int) {
	for n < len(b) && b[n]-'0' <= 9 {
		n++
	}
	return n
}
