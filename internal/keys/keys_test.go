package keys

import (
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// part is embedded: its keys are the outer struct's.
type part struct {
	Rate float64 `json:"base_lr" help:"learning rate" above:"0" max:"1e3" alias:"lr,learning_rate"`
}

type recipe struct {
	Name string `json:"name" help:"a name"`
	part
	Depth int     `json:"depth" help:"number of blocks" min:"1" max:"12" absent:"3"`
	Mix   []int   `json:"mix" help:"numbers" min:"1"`
	Drop  float64 `json:"drop" help:"a rate" min:"0" below:"1" absent:"0.1"`
	Fast  bool    `json:"fast" help:"quick"`
	Seed  uint64  `json:"seed" help:"seed"`
	note  int
}

func good() *recipe {
	return &recipe{Name: "x", part: part{0.5}, Depth: 2, Mix: []int{2}, Drop: 0.2, Seed: 1<<63 + 1, note: 1}
}

func TestOf(t *testing.T) {
	if got := Names(recipe{}); !slices.Equal(got, []string{"name", "base_lr", "depth", "mix", "drop", "fast", "seed"}) {
		t.Errorf("keys %v", got)
	}
	for i, want := range []string{"any number", "above 0 to 1000", "1 to 12", "1 or more", "0 to below 1"} {
		if got := Of(&recipe{})[i].Bounds.String(); got != want {
			t.Errorf("bounds of %s are %q, want %q", Names(recipe{})[i], got, want)
		}
	}
}

func TestSet(t *testing.T) {
	r := good()
	for _, set := range [][2]string{{"name", "a b"}, {"base_lr", "1e-3"}, {"depth", "4"}, {"mix", "2, 3"}, {"drop", ".5"}, {"fast", "true"}, {"seed", "18446744073709551615"}} {
		if err := Set(r, set[0], set[1]); err != nil {
			t.Error(err)
		}
	}
	if want := (&recipe{"a b", part{1e-3}, 4, []int{2, 3}, .5, true, math.MaxUint64, 1}); !reflect.DeepEqual(r, want) {
		t.Errorf("%+v, want %+v", r, want)
	}
	for assignment, want := range map[string]string{
		"depht=4":          `unknown key "depht", did you mean "depth"? (known: name, base_lr`,
		"lr=1":             `unknown key "lr": it is called base_lr here (learning rate)`,
		"Learning_Rate=1":  `it is called base_lr here`,
		"zzzzzzz=1":        `unknown key "zzzzzzz" (known: name`,
		"depth=wide":       "depth=wide: want a whole number (number of blocks)",
		"depth=1_0":        "depth=1_0: want a whole number",
		"base_lr=much":     "base_lr=much: want a number",
		"base_lr=1_0":      "base_lr=1_0: want a number",
		"base_lr=0x1p-2":   "base_lr=0x1p-2: want a number",
		"base_lr=NaN":      "base_lr=NaN: want a number",
		"base_lr=Infinity": "base_lr=Infinity: want a number",
		"fast=2":           "fast=2: want true or false",
		"mix=2,x":          "mix=2,x: want whole numbers with commas between them",
		"seed=-1":          "seed=-1: want a whole number, 0 or more",
	} {
		r := good()
		key, value, _ := strings.Cut(assignment, "=")
		if err := Set(r, key, value); err == nil || !strings.HasPrefix(err.Error(), want) && !strings.Contains(err.Error(), want) {
			t.Errorf("Set(%s): %v, want %s", assignment, err, want)
		}
		if !reflect.DeepEqual(r, good()) {
			t.Errorf("Set(%s) failed and changed the recipe", assignment)
		}
	}
}

func TestValidate(t *testing.T) {
	if err := Validate(good()); err != nil {
		t.Error(err)
	}
	for want, change := range map[string]func(r *recipe){
		"base_lr is 0, want above 0 to 1000 (learning rate)": func(r *recipe) { r.Rate = 0 },
		"base_lr is NaN, want above 0 to 1000":               func(r *recipe) { r.Rate = math.NaN() },
		"depth is 13, want 1 to 12 (number of blocks)":       func(r *recipe) { r.Depth = 13 },
		"mix is 0, want 1 or more (numbers)":                 func(r *recipe) { r.Mix = []int{3, 0} },
		"drop is 1, want 0 to below 1 (a rate)":              func(r *recipe) { r.Drop = 1 },
		"drop is +Inf, want 0 to below 1":                    func(r *recipe) { r.Drop = math.Inf(1) },
	} {
		r := good()
		change(r)
		if err := Validate(r); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

func TestRead(t *testing.T) {
	r := good()
	if err := Read(r, []byte(`{"depth": 5, "base_lr": 1e-1}`)); err != nil || r.Depth != 5 || r.Rate != 0.1 || r.Drop != 0.2 {
		t.Errorf("%+v, %v", r, err)
	}
	// A key that is younger than the file is what its program did without it.
	r = good()
	if err := ReadWhole(r, []byte(`{"name": "old", "drop": 0.4}`)); err != nil || r.Depth != 3 || r.Drop != 0.4 {
		t.Errorf("%+v, %v", r, err)
	}
	for text, want := range map[string]string{
		`{"dpth": 4}`:      `unknown key "dpth", did you mean "depth"?`,
		`{"depth": "big"}`: `key "depth" holds a JSON string: restore the original value`,
		`[1]`:              "want a JSON object of keys",
		`{`:                "want a JSON object of keys",
	} {
		if err := Read(good(), []byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Read(%s): %v, want %q", text, err, want)
		}
	}
}

func TestGet(t *testing.T) {
	for key, want := range map[string]string{"name": `"x"`, "base_lr": "0.5", "mix": "[2]", "seed": "9223372036854775809", "none": ""} {
		if got := Get(good(), key); got != want {
			t.Errorf("Get(%s) = %s, want %s", key, got, want)
		}
	}
}
