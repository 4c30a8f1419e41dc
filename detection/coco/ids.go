package coco

import (
	"cmp"
	"encoding/json"
	"math"
	"slices"
	"strconv"
	"strings"
)

// IDs gives numbers to ids that are not whole numbers of 64 bits: strings, and numbers that
// are larger. Files whose ids refer to each other are read with the same IDs. The zero value
// is ready; it is not safe for concurrent use.
type IDs struct {
	numbers map[string]int64 // by text, that of a string in quotes
	texts   []string
}

// The numbers of other ids begin at firstText. noID stands for null, which is nobody's id.
const (
	noID      = math.MinInt64
	firstText = math.MinInt64 + 1
)

// number is that of an id's text.
func (t *IDs) number(text string) int64 {
	if v, ok := t.numbers[text]; ok {
		return v
	}
	if t.numbers == nil {
		t.numbers = map[string]int64{}
	}
	v := firstText + int64(len(t.texts))
	t.numbers[text], t.texts = v, append(t.texts, text)
	return v
}

// text is the text of an id that has one.
func (t *IDs) text(id int64) (text string, ok bool) {
	if t == nil || id < firstText || id >= firstText+int64(len(t.texts)) {
		return "", false
	}
	return t.texts[id-firstText], true
}

// Text is an id as its file has it, for messages; a string is in quotes, and shortened.
func (t *IDs) Text(id int64) string {
	if id == noID {
		return "null"
	}
	text, ok := t.text(id)
	if !ok {
		return strconv.FormatInt(id, 10)
	}
	const most = 100
	if len(text) > most {
		text = text[:most] + `..."`
	}
	return text
}

// value is an id as JSON has it: a number, or a string.
func (t *IDs) value(id int64) any {
	text, ok := t.text(id)
	if !ok {
		return id
	}
	return json.RawMessage(text)
}

// compare orders ids as Python does: numbers by size, strings by their characters; numbers
// come first.
func (t *IDs) compare(a, b int64) int {
	textA, isTextA := t.text(a)
	textB, isTextB := t.text(b)
	if !isTextA && !isTextB {
		return cmp.Compare(a, b)
	}
	stringA, stringB := strings.HasPrefix(textA, `"`), strings.HasPrefix(textB, `"`)
	if stringA != stringB {
		if stringB {
			return -1
		}
		return 1
	}
	if stringA {
		return cmp.Compare(strings.Trim(textA, `"`), strings.Trim(textB, `"`))
	}
	return cmp.Compare(t.float(a), t.float(b))
}

// float is the value of a number.
func (t *IDs) float(id int64) float64 {
	text, ok := t.text(id)
	if !ok {
		return float64(id)
	}
	v, _ := strconv.ParseFloat(text, 64) // ±Inf if it is larger still
	return v
}

// sorted lists ids in order, each once.
func (t *IDs) sorted(ids []int64) []int64 {
	return slices.Compact(slices.SortedStableFunc(slices.Values(ids), t.compare))
}
