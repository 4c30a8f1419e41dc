// Package keys makes a flat struct the one place where the keys of a recipe stand.
// A field with a "json" tag is a key; its other tags say all about it:
//
//	json:"drop_path"       the key
//	help:"rate of ..."     its explanation
//	min:"0" max:"0.9"      bounds of numbers, inclusive; of every element of a list
//	below:"1" above:"0"    bounds of numbers, exclusive
//	alias:"lr,rate"        other names by which people look for it
//	absent:"0.1"           its value in files that were written before there was the key
//
// Fields of embedded structs are keys of the outer one. Setting by text, reading
// from JSON, validation, help and suggestions come from the tags.
package keys

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"pmx/internal/registry"
)

// Key is one key.
type Key struct {
	Name    string
	Help    string
	Aliases []string
	Absent  string // "" if the key is as old as its recipe
	Bounds  Bounds

	index []int
	kind  reflect.Kind // of a list, its elements'
}

// Numeric reports whether the key's value is a number, or a list of them.
func (k Key) Numeric() bool {
	return k.kind == reflect.Int || k.kind == reflect.Int64 || k.kind == reflect.Float64
}

// Bounds are what a number may be.
type Bounds struct {
	Min, Max         float64 // ±Inf where there is no bound
	OpenMin, OpenMax bool    // the bound itself is excluded
}

// holds reports whether v is within bounds; NaN is not.
func (b Bounds) holds(v float64) bool {
	return (v > b.Min || v == b.Min && !b.OpenMin) && (v < b.Max || v == b.Max && !b.OpenMax)
}

// String says what is wanted, such as "0 to below 1".
func (b Bounds) String() string {
	least, most := fmt.Sprintf("%g", b.Min), fmt.Sprintf("%g", b.Max)
	if b.OpenMin {
		least = "above " + least
	}
	if b.OpenMax {
		most = "below " + most
	}
	switch {
	case math.IsInf(b.Min, -1) && math.IsInf(b.Max, 1):
		return "any number"
	case math.IsInf(b.Max, 1):
		return least + " or more"
	case math.IsInf(b.Min, -1):
		return "at most " + most
	}
	return least + " to " + most
}

// Of lists the keys of a struct, or of a pointer to one, in the order of its
// fields. It panics on a tag that it cannot read: tags are constants.
func Of(recipe any) []Key {
	t := reflect.TypeOf(recipe)
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return fields(t, nil)
}

func fields(t reflect.Type, at []int) []Key {
	var out []Key
	for i := range t.NumField() {
		f := t.Field(i)
		index := append(slices.Clone(at), i)
		if f.Anonymous {
			out = append(out, fields(f.Type, index)...)
			continue
		}
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name == "" || name == "-" {
			continue
		}
		k := Key{Name: name, Help: f.Tag.Get("help"), Absent: f.Tag.Get("absent"), index: index, kind: f.Type.Kind()}
		if k.kind == reflect.Slice {
			k.kind = f.Type.Elem().Kind()
		}
		if aliases := f.Tag.Get("alias"); aliases != "" {
			k.Aliases = strings.Split(aliases, ",")
		}
		k.Bounds = Bounds{Min: math.Inf(-1), Max: math.Inf(1)}
		for tag, set := range map[string]func(v float64){
			"min": func(v float64) { k.Bounds.Min = v }, "max": func(v float64) { k.Bounds.Max = v },
			"above": func(v float64) { k.Bounds.Min, k.Bounds.OpenMin = v, true },
			"below": func(v float64) { k.Bounds.Max, k.Bounds.OpenMax = v, true },
		} {
			if text, ok := f.Tag.Lookup(tag); ok {
				v, err := strconv.ParseFloat(text, 64)
				if err != nil {
					panic(fmt.Sprintf("keys: %s of key %s is %q", tag, name, text))
				}
				set(v)
			}
		}
		out = append(out, k)
	}
	return out
}

// Names lists the keys' names.
func Names(recipe any) []string {
	var out []string
	for _, k := range Of(recipe) {
		out = append(out, k.Name)
	}
	return out
}

// find gives the key of a name, and its field in the struct behind a pointer.
func find(recipe any, name string) (Key, reflect.Value, error) {
	for _, k := range Of(recipe) {
		if k.Name == name {
			return k, reflect.ValueOf(recipe).Elem().FieldByIndex(k.index), nil
		}
	}
	return Key{}, reflect.Value{}, Unknown(recipe, name)
}

// Called is the key of a name, which is the key's own or one by which people look for it.
func Called(recipe any, name string) (key string, ok bool) {
	for _, k := range Of(recipe) {
		if k.Name == name || slices.Contains(k.Aliases, strings.ToLower(name)) {
			return k.Name, true
		}
	}
	return "", false
}

// Unknown is the error of a name that is not a key, with the key that may be meant.
func Unknown(recipe any, name string) error {
	known := Of(recipe)
	for _, k := range known {
		if slices.Contains(k.Aliases, strings.ToLower(name)) {
			return fmt.Errorf("unknown key %q: it is called %s here (%s)", name, k.Name, k.Help)
		}
	}
	names := Names(recipe)
	meant := ""
	if near := registry.Nearest(name, names); near != "" {
		meant = fmt.Sprintf(", did you mean %q?", near)
	}
	return fmt.Errorf("unknown key %q%s (known: %s)", name, meant, strings.Join(names, ", "))
}

// Set changes one key of the struct behind a pointer, from text: a number in
// decimal, true or false, a word, or numbers with commas between them.
func Set(recipe any, name, value string) error {
	k, field, err := find(recipe, name)
	if err != nil {
		return err
	}
	bad := func(want string) error {
		return fmt.Errorf("%s=%s: want %s (%s)", name, value, want, k.Help)
	}
	switch field.Kind() {
	case reflect.String:
		field.SetString(value)
	case reflect.Bool:
		v, err := strconv.ParseBool(value)
		if err != nil {
			return bad("true or false")
		}
		field.SetBool(v)
	case reflect.Int, reflect.Int64:
		v, err := strconv.ParseInt(value, 10, 64)
		if err != nil {
			return bad("a whole number")
		}
		field.SetInt(v)
	case reflect.Uint64:
		v, err := strconv.ParseUint(value, 10, 64)
		if err != nil {
			return bad("a whole number, 0 or more")
		}
		field.SetUint(v)
	case reflect.Float64:
		v, err := parseFloat(value)
		if err != nil {
			return bad("a number")
		}
		field.SetFloat(v)
	case reflect.Slice:
		list := reflect.MakeSlice(field.Type(), 0, 1)
		for part := range strings.SplitSeq(value, ",") {
			element := reflect.New(field.Type().Elem()).Elem()
			switch element.Kind() {
			case reflect.Int:
				v, err := strconv.Atoi(strings.TrimSpace(part))
				if err != nil {
					return bad("whole numbers with commas between them")
				}
				element.SetInt(int64(v))
			case reflect.Float64:
				v, err := parseFloat(strings.TrimSpace(part))
				if err != nil {
					return bad("numbers with commas between them")
				}
				element.SetFloat(v)
			default:
				panic(fmt.Sprintf("keys: key %s is a list of %s, which Set does not know", name, element.Type()))
			}
			list = reflect.Append(list, element)
		}
		field.Set(list)
	default:
		panic(fmt.Sprintf("keys: key %s has type %s, which Set does not know", name, field.Type()))
	}
	return nil
}

// parseFloat reads a decimal number: not 0x1p3, 1_000, Inf or NaN.
func parseFloat(s string) (float64, error) {
	for _, r := range s {
		if !unicode.IsDigit(r) && !strings.ContainsRune("+-.eE", r) {
			return 0, strconv.ErrSyntax
		}
	}
	return strconv.ParseFloat(s, 64)
}

// Get is the value of a key of a struct or of a pointer to one, as encoding/json
// writes it; "" if there is no such key.
func Get(recipe any, name string) string {
	v := reflect.ValueOf(recipe)
	if v.Kind() == reflect.Pointer {
		v = v.Elem()
	}
	for _, k := range Of(recipe) {
		if k.Name == name {
			text, _ := json.Marshal(v.FieldByIndex(k.index).Interface())
			return string(text)
		}
	}
	return ""
}

// Read takes the keys that a JSON object has into the struct behind a pointer, and
// leaves the others as they are. A key that the struct lacks is an error.
func Read(recipe any, data []byte) error {
	var have map[string]json.RawMessage
	if err := json.Unmarshal(data, &have); err != nil {
		return fmt.Errorf("%w: want a JSON object of keys", err)
	}
	known := Names(recipe)
	for _, key := range slices.Sorted(maps.Keys(have)) {
		if !slices.Contains(known, key) {
			return Unknown(recipe, key)
		}
	}
	d := json.NewDecoder(bytes.NewReader(data))
	if err := d.Decode(recipe); err != nil {
		if wrong, ok := errors.AsType[*json.UnmarshalTypeError](err); ok { // names types of Go
			key := wrong.Field[strings.LastIndexByte(wrong.Field, '.')+1:] // behind the fields of Go that hold it
			return fmt.Errorf("key %q holds a JSON %s: restore the original value", key, wrong.Value)
		}
		return err
	}
	return nil
}

// ReadWhole is Read of a file that has all keys, except those that are younger than
// the file: they take the value that its program used.
func ReadWhole(recipe any, data []byte) error {
	var have map[string]json.RawMessage
	if err := json.Unmarshal(data, &have); err != nil {
		return fmt.Errorf("%w: want a JSON object of keys", err)
	}
	for _, k := range Of(recipe) {
		if _, ok := have[k.Name]; !ok && k.Absent != "" {
			if err := Set(recipe, k.Name, k.Absent); err != nil {
				return err
			}
		}
	}
	return Read(recipe, data)
}

// Validate says which key of a struct, or of a pointer to one, is out of its
// bounds, if any is.
func Validate(recipe any) error {
	v := reflect.ValueOf(recipe)
	if v.Kind() == reflect.Pointer {
		v = v.Elem()
	}
	for _, k := range fields(v.Type(), nil) {
		field := v.FieldByIndex(k.index)
		check := func(x reflect.Value) error {
			var n float64
			switch x.Kind() {
			case reflect.Int, reflect.Int64:
				n = float64(x.Int())
			case reflect.Float64:
				n = x.Float()
			default:
				return nil
			}
			if k.Bounds.holds(n) {
				return nil
			}
			return fmt.Errorf("%s is %v, want %s (%s)", k.Name, x.Interface(), k.Bounds, k.Help)
		}
		if field.Kind() != reflect.Slice {
			if err := check(field); err != nil {
				return err
			}
			continue
		}
		for i := range field.Len() {
			if err := check(field.Index(i)); err != nil {
				return err
			}
		}
	}
	return nil
}
