package artifacts

import (
	"bytes"
	"encoding/json"
	"errors"
	"maps"
	"math"
	"slices"
	"strconv"
	"time"
)

// MetricsRow is a row of metrics.jsonl as it is read. It is good until the next one.
type MetricsRow struct {
	Kind MetricsKind
	Step int64

	fields []field
	old    bool // written before rows had a kind
}

// field is a member of a row.
type field struct{ key, value []byte } // value is JSON

// Metrics decodes the whole row. Members that are no numbers are left out.
func (r *MetricsRow) Metrics() Metrics {
	m := Metrics{Kind: r.Kind, Step: r.Step, Tags: make(map[string]float64, len(r.fields))}
	for _, f := range r.fields {
		switch key := string(f.key); key {
		case kindKey, stepKey:
		case epochKey:
			m.Epoch, _ = f.number()
		case timeKey:
			m.Time, _ = time.Parse(`"`+time.RFC3339+`"`, string(f.value)) // with or without milliseconds
		default:
			if v, ok := f.number(); ok {
				m.Tags[r.tag(key)] = v
			}
		}
	}
	return m
}

// Number gives the number under a tag; ok is false where the row has none.
func (r *MetricsRow) Number(tag string) (v float64, ok bool) {
	for _, f := range r.fields {
		if r.tag(string(f.key)) == tag {
			return f.number()
		}
	}
	return 0, false
}

func (r *MetricsRow) tag(key string) string {
	if r.old {
		return oldTag(r.Kind, key)
	}
	return key
}

// parse reads a line, without its newline. The row refers to it.
func (r *MetricsRow) parse(line []byte) error {
	var ok bool
	if r.fields, ok = scanFlat(r.fields[:0], line); !ok {
		var err error
		if r.fields, err = scanObject(r.fields[:0], line); err != nil {
			return err
		}
	}
	r.Kind = ""
	var step []byte
	for _, f := range r.fields {
		switch string(f.key) {
		case stepKey:
			step = f.value
		case kindKey:
			if kind, quoted := bytes.CutPrefix(f.value, []byte(`"`)); quoted {
				r.Kind = kindOf(bytes.TrimSuffix(kind, []byte(`"`)))
			}
		}
	}
	if step == nil {
		return errors.New("no step")
	}
	var err error
	if r.Step, err = strconv.ParseInt(string(step), 10, 64); err != nil {
		return errNoRow
	}
	if r.old = r.Kind == ""; r.old {
		r.Kind = oldKind(r.fields)
	}
	return nil
}

// parseStart reads kind and step alone of a line as Append writes it, or of a step's as an
// older pmx did, and looks whether the line is whole: whether its end, another row's
// beginning, or a block of zeros, as a disk that lost power leaves it, is in it. ok is
// false for every other line.
func (r *MetricsRow) parseStart(line []byte) (ok bool) {
	if len(line) < 2 || line[0] != '{' || line[len(line)-1] != '}' || bytes.IndexByte(line[1:], '{') >= 0 || bytes.IndexByte(line, 0) >= 0 {
		return false
	}
	step, isOld := oldStepRow(line)
	if isOld {
		r.Kind, r.old = MetricsStep, true
	} else {
		rest, ok := bytes.CutPrefix(line, []byte(`{"`+kindKey+`":"`))
		if !ok {
			return false
		}
		var kind []byte
		if kind, step, ok = bytes.Cut(rest, []byte(`","`+stepKey+`":`)); !ok {
			return false
		}
		r.Kind, r.old = kindOf(kind), false
	}
	var err error
	r.Step, err = strconv.ParseInt(string(step[:max(0, bytes.IndexAny(step, ",}"))]), 10, 64)
	r.fields = r.fields[:0]
	return err == nil
}

// kindOf is the kind of a name, without memory for one that is known.
func kindOf(name []byte) MetricsKind {
	switch MetricsKind(name) {
	case MetricsStep:
		return MetricsStep
	case MetricsEpoch:
		return MetricsEpoch
	case MetricsEval:
		return MetricsEval
	}
	return MetricsKind(name)
}

var errNoRow = errors.New("not a JSON object with a step")

// number decodes a number, or a word that stands for one.
func (f field) number() (float64, bool) {
	switch string(f.value) {
	case `"NaN"`:
		return math.NaN(), true
	case `"+Inf"`:
		return math.Inf(1), true
	case `"-Inf"`:
		return math.Inf(-1), true
	}
	if len(f.value) == 0 || f.value[0] != '-' && (f.value[0] < '0' || f.value[0] > '9') {
		return 0, false
	}
	v, err := strconv.ParseFloat(string(f.value), 64)
	return v, err == nil
}

// scanObject is scanFlat for any JSON object.
func scanObject(fields []field, line []byte) ([]field, error) {
	var members map[string]json.RawMessage
	if json.Unmarshal(line, &members) != nil || members == nil {
		return nil, errNoRow
	}
	for _, key := range slices.Sorted(maps.Keys(members)) {
		fields = append(fields, field{[]byte(key), members[key]})
	}
	return fields, nil
}

// scanFlat appends the members of a JSON object as pmx and others write it: its values are
// numbers and strings without escapes, with at most a space before members and values. It
// is some ten times as fast as encoding/json, which has to read what it refuses.
func scanFlat(fields []field, line []byte) (_ []field, ok bool) {
	if len(line) < 2 || line[0] != '{' || line[len(line)-1] != '}' {
		return fields, false
	}
	// The brace at the end stops every loop.
	for i := 0; line[i] != '}'; {
		begin := skipSpace(line, i+1) // behind the brace or the comma
		key := scanString(line, begin)
		if key < 0 || line[key] != ':' {
			return fields, false
		}
		value := skipSpace(line, key+1)
		if i = scanNumber(line, value); i < 0 {
			i = scanString(line, value)
		}
		if i < 0 || line[i] != ',' && (line[i] != '}' || i != len(line)-1) {
			return fields, false
		}
		fields = append(fields, field{line[begin+1 : key-1], line[value:i]})
	}
	return fields, true
}

func skipSpace(line []byte, i int) int {
	if line[i] == ' ' {
		i++
	}
	return i
}

// scanString is the end of the string of plain ASCII that begins at i in a line, which
// ends with a brace; -1 if there is none.
func scanString(line []byte, i int) int {
	if line[i] != '"' {
		return -1
	}
	for i++; i < len(line); i++ {
		if c := line[i]; c == '"' {
			return i + 1
		} else if !plain[c] {
			return -1
		}
	}
	return -1
}

// plain are the characters that a string may hold as they are, except for those beyond ASCII.
var plain = func() (t [256]bool) {
	for c := ' '; c <= '~'; c++ {
		t[c] = c != '"' && c != '\\'
	}
	return t
}()

// scanNumber is the end of the number, by the grammar of JSON, that begins at i in a line,
// which ends with a brace; -1 if there is none.
func scanNumber(line []byte, i int) int {
	if line[i] == '-' {
		i++
	}
	begin := i
	i = skipDigits(line, i)
	if i == begin || line[begin] == '0' && i > begin+1 {
		return -1
	}
	if line[i] == '.' {
		begin = i + 1
		if i = skipDigits(line, begin); i == begin {
			return -1
		}
	}
	if line[i] == 'e' || line[i] == 'E' {
		if i++; line[i] == '+' || line[i] == '-' {
			i++
		}
		begin = i
		if i = skipDigits(line, begin); i == begin {
			return -1
		}
	}
	return i
}

func skipDigits(line []byte, i int) int {
	for line[i]-'0' <= 9 {
		i++
	}
	return i
}
