package jsonscan

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"math"
	"strconv"
	"strings"
	"testing"
	"testing/iotest"

	"pgregory.net/rapid"
)

// tinyBuffer makes every value longer than a few bytes cross a refill.
const tinyBuffer = 3

func skipAll(s *Scanner) error {
	if err := s.Skip(); err != nil {
		return err
	}
	return s.End()
}

func TestSkipAcceptsWhatEncodingJSONAccepts(t *testing.T) {
	for _, text := range corpus {
		checkAgainstEncodingJSON(t, []byte(text))
	}
}

var corpus = []string{
	``, ` `, `null`, `nul`, `nulll`, `true`, `false`, `tru`, `fALSE`, `"`, `"a`, `"a"`, `"\"`, `"\u00e9\ud83d\ude00"`, `"\u12"`, `"\x"`,
	"\"\x01\"", "\"tab\t\"", `0`, `-0`, `00`, `01`, `-`, `-a`, `1.`, `.5`, `1.5`, `1e5`, `1E+5`, `1e-`, `1e`, `1.5e3.2`, `--1`, `+1`, `1 2`,
	`123456789012345678901234567890`, `0.1234567890123456789`, `1e400`, `[]`, `[1]`, `[1,]`, `[,1]`, `[1 2]`, `[1,2`, `[`, `]`, `{}`, `{"a":1}`,
	`{"a":1,}`, `{"a" 1}`, `{a:1}`, `{"a":}`, `{"a":1 "b":2}`, `{"a":[{"b":[]}]}`, `{`, `}`, `{"":""}`, ` [ 1 , { "k" : "v" } ] `, `NaN`, `[Infinity]`, `[-Infinity]`, `{} x`,
	"\ufeff{}",
}

func checkAgainstEncodingJSON(t *testing.T, text []byte) {
	t.Helper()
	for _, size := range []int{tinyBuffer, bufferSize} {
		err := skipAll(newSize(bytes.NewReader(text), size))
		if got, want := err == nil, json.Valid(text); got != want {
			t.Errorf("%q with a buffer of %d: accepted %t (%v), encoding/json says %t", text, size, got, err, want)
		}
		var scanErr *Error
		if err != nil && !errors.As(err, &scanErr) {
			t.Errorf("%q: error %v has no position", text, err)
		} else if err != nil && (scanErr.Offset < 0 || scanErr.Offset > int64(len(text))) {
			t.Errorf("%q: error at byte %d of %d", text, scanErr.Offset, len(text))
		}
	}
}

// TestSkipPython: what Python's json writes beyond JSON is skipped, also where a buffer ends.
func TestSkipPython(t *testing.T) {
	for text, want := range map[string]bool{
		`[NaN, Infinity, -Infinity, 1]`: true, `{"a": -Infinity}`: true, `[-1.5e3]`: true,
		`NaM`: false, `-`: false, `[-x]`: false, `Inf`: false, `01`: false, `nan`: false,
	} {
		for size := 1; size < 20; size++ {
			s := newSize(strings.NewReader(text), size)
			err := s.SkipPython()
			if err == nil {
				err = s.End()
			}
			if (err == nil) != want {
				t.Errorf("%s with a buffer of %d: %v", text, size, err)
			}
		}
	}
}

// TestLongTexts: messages quote a part, a string that is skipped is not kept, one that is read
// has a limit.
func TestLongTexts(t *testing.T) {
	digits := strings.Repeat("9", 1<<20)
	if _, err := New(strings.NewReader(digits)).Int(); err == nil || len(err.Error()) > 200 {
		t.Errorf("a long number: error of %d bytes", len(err.Error()))
	}
	long := func() *Scanner {
		return New(io.MultiReader(strings.NewReader(`"`), io.LimitReader(letters{}, maxText+2*bufferSize), strings.NewReader(`"`)))
	}
	s := long()
	if err := s.Skip(); err != nil || cap(s.scratch) > 0 {
		t.Errorf("skipped: %v, with a buffer of %d bytes", err, cap(s.scratch))
	}
	if _, err := long().String(); err == nil || !strings.Contains(err.Error(), "a string of more than 64 MiB") {
		t.Errorf("read: %v", err)
	}
}

// letters is a text without end.
type letters struct{}

func (letters) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'a'
	}
	return len(p), nil
}

func FuzzSkip(f *testing.F) {
	for _, text := range corpus {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		if len(text) < 1<<16 {
			checkAgainstEncodingJSON(t, text)
		}
	})
}

// TestStringEqualsUnmarshal reads valid strings as encoding/json does.
func TestStringEqualsUnmarshal(t *testing.T) {
	check := func(t interface{ Errorf(string, ...any) }, text string) {
		var want string
		if err := json.Unmarshal([]byte(text), &want); err != nil {
			t.Errorf("%q: %v", text, err)
		}
		for _, size := range []int{1, tinyBuffer, bufferSize} {
			if got, err := newSize(strings.NewReader(text), size).String(); got != want || err != nil {
				t.Errorf("String(%s) with a buffer of %d = %q, %v; encoding/json has %q", text, size, got, err, want)
			}
		}
	}
	for _, text := range []string{
		`""`, `"plain"`, `"\"\\\/\b\f\n\r\t"`, `"\u00e9\u00E9"`, `"\ud83d\ude00"`, `"\ud83d"`, `"\ud83d!"`, `"\ud83d\n"`, `"\ude00\ud83d"`,
		`"\ud83d\ud83d\ude00"`, `"\ud83d\u0041"`, `"é😀"`,
	} {
		check(t, text)
	}
	rapid.Check(t, func(t *rapid.T) {
		text, err := json.Marshal(rapid.String().Draw(t, "text"))
		if err != nil {
			t.Fatal(err)
		}
		check(t, string(text))
	})
}

func TestFloatEqualsParseFloat(t *testing.T) {
	check := func(t interface{ Errorf(string, ...any) }, text string) {
		want, err := strconv.ParseFloat(text, 64)
		if err != nil {
			t.Errorf("%q: %v", text, err)
		}
		for _, size := range []int{tinyBuffer, bufferSize} {
			got, err := newSize(strings.NewReader(text+" "), size).Float()
			if err != nil || math.Float64bits(got) != math.Float64bits(want) {
				t.Errorf("Float(%q) = %v, %v; ParseFloat has %v", text, got, err, want)
			}
		}
	}
	for _, text := range []string{"0", "-0", "-0.0", "321.02", "0.1", "999999999999999", "9999999999999999", "0.000000000000001", "2765.1486500000005", "1e22", "5e-324"} {
		check(t, text)
	}
	rapid.Check(t, func(t *rapid.T) {
		format := rapid.SampledFrom([]byte("feg")).Draw(t, "format")
		digits := rapid.IntRange(-1, 17).Draw(t, "digits")
		check(t, strconv.FormatFloat(rapid.Float64Range(-1e18, 1e18).Draw(t, "value"), format, digits, 64))
	})
}

func TestInt(t *testing.T) {
	for text, want := range map[string]int64{
		"0": 0, "-7": -7, "42.0": 42, "4.2e1": 42, "900100581488": 900100581488, "9223372036854775807": math.MaxInt64, "-9223372036854775808": math.MinInt64,
	} {
		if got, err := New(strings.NewReader(text)).Int(); got != want || err != nil {
			t.Errorf("Int(%q) = %d, %v; want %d", text, got, err, want)
		}
	}
	for text, want := range map[string]string{
		"4.5":                 "byte 0: the number 4.5 is not an integer",
		" 1e-3 ":              "byte 1: the number 1e-3 is not an integer",
		"9223372036854775808": "byte 0: the integer 9223372036854775808 is too large",
		`"7"`:                 "byte 0: a string where a number is expected",
	} {
		if _, err := New(strings.NewReader(text)).Int(); err == nil || err.Error() != want {
			t.Errorf("Int(%q): error %v, want %s", text, err, want)
		}
	}
}

func TestErrorsNameTheByte(t *testing.T) {
	for text, want := range map[string]string{
		`{"score": NaN}`:       "byte 10: NaN is not a number that JSON knows, Python wrote it: remove or repair it where it is computed",
		`{"score": -Infinity}`: "byte 10: -Infinity is not a number that JSON knows, Python wrote it: remove or repair it where it is computed",
		`[1, 2`:                "byte 5: the text ends in the middle of a value, the file is cut off",
		`[1 2]`:                "byte 3: '2' where a comma or the end of the array is expected",
		`{"a": 1,, }`:          "byte 8: ',' where a key in double quotes is expected",
		`[1] [2]`:              "byte 4: '[' where the end of the file is expected",
		`[01]`:                 `byte 1: "01" is not a number`,
		`[trye]`:               "byte 3: 'y' in the middle of true",
	} {
		if err := skipAll(New(strings.NewReader(text))); err == nil || err.Error() != want {
			t.Errorf("%s:\n got %v\nwant %s", text, err, want)
		}
	}
}

func TestReadErrorsPass(t *testing.T) {
	broken := errors.New("disk on fire")
	r := io.MultiReader(strings.NewReader(`[1, 2`), iotest.ErrReader(broken))
	if err := skipAll(New(r)); !errors.Is(err, broken) {
		t.Errorf("error %v, want the reader's own", err)
	}
}

func TestDepthIsBounded(t *testing.T) {
	err := skipAll(New(strings.NewReader(strings.Repeat("[", maxDepth+1))))
	if err == nil || !strings.Contains(err.Error(), "nest more than") {
		t.Errorf("error %v for %d nested arrays", err, maxDepth+1)
	}
}

// TestValuesSurviveRefills reads one of each value through buffers of every
// small size, so that every token is cut everywhere.
func TestValuesSurviveRefills(t *testing.T) {
	const text = `{"long key": [1.25, -3e2], "name": "a \"quoted\" name", "plain": "no escapes at all", "on": true, "off": null}`
	for size := 1; size < len(text)+2; size++ {
		s := newSize(strings.NewReader(text), size)
		var floats []float64
		var name, plain string
		var on bool
		err := s.Object(func(key []byte) (err error) {
			switch string(key) {
			case "long key":
				floats = nil
				err = s.Array(func(int) (err error) { floats, err = s.MoreFloats(floats); return err })
			case "name":
				name, err = s.String()
			case "plain":
				plain, err = s.String()
			case "on":
				on, err = s.Bool()
			default:
				err = s.Null()
			}
			return err
		})
		if err != nil || len(floats) != 2 || floats[0] != 1.25 || floats[1] != -300 || name != `a "quoted" name` || plain != "no escapes at all" || !on {
			t.Errorf("buffer of %d: %v %v %q %q %t", size, err, floats, name, plain, on)
		}
		if s.Offset() != int64(len(text)) {
			t.Errorf("buffer of %d: offset %d after %d bytes", size, s.Offset(), len(text))
		}
	}
}
