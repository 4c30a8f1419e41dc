package tasks_test

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"

	"pmx/builders"
	"pmx/internal/keys"
	"pmx/tasks"
)

func quickstart(t *testing.T) *tasks.Contrastive {
	t.Helper()
	p, err := tasks.LookupPreset("quickstart")
	if err != nil {
		t.Fatal(err)
	}
	return p.Recipe().(*tasks.Contrastive)
}

// TestEveryKeyIsExplainedAndCanBeSet holds for every task's recipe.
func TestEveryKeyIsExplainedAndCanBeSet(t *testing.T) {
	for _, task := range tasks.All() {
		seen := map[string]bool{}
		for _, key := range keys.Of(task.New()) {
			if seen[key.Name] {
				t.Errorf("%s: key %s is there twice: JSON would drop both", task.Name, key.Name)
			}
			seen[key.Name] = true
			if key.Help == "" {
				t.Errorf("%s: key %s is not explained", task.Name, key.Name)
			}
			value := "1" // a string, an integer, a float, true and a set all read it
			if err := keys.Set(task.New(), key.Name, value); err != nil {
				t.Errorf("%s: Set(%s, %s): %v", task.Name, key.Name, value, err)
			}
		}
	}
}

func TestRecipeJSONHasExactlyTheKeys(t *testing.T) {
	for _, task := range tasks.All() {
		data, err := json.Marshal(task.New())
		if err != nil {
			t.Fatal(err)
		}
		var object map[string]json.RawMessage
		if err := json.Unmarshal(data, &object); err != nil {
			t.Fatal(err)
		}
		for _, key := range keys.Names(task.New()) {
			if _, ok := object[key]; !ok {
				t.Errorf("%s: the JSON lacks %s", task.Name, key)
			}
			delete(object, key)
		}
		if len(object) > 0 {
			t.Errorf("%s: the JSON has %v, which are no keys", task.Name, object)
		}
	}
}

func TestCheckNamesTheKey(t *testing.T) {
	for assignment, want := range map[string]string{
		"image_size=30":      "patch_size",
		"flip_prob=1.5":      "flip_prob is 1.5, want 0 to 1",
		"crop_scale_min=2":   "crop_scale_min",
		"epochs=0":           "epochs is 0, want 1",
		"warmup_epochs=9000": "warmup_epochs is 9000",
		"temperature=0":      "temperature is 0",
		"temperature=NaN":    "temperature is NaN",
		"hold_out=1":         "hold_out is 1, want 0 to below 1",
		"method=mocov":       `did you mean "mocov3"`,
	} {
		r := quickstart(t)
		key, value, _ := strings.Cut(assignment, "=")
		if value == "NaN" {
			r.Temperature = nan
		} else if err := keys.Set(r, key, value); err != nil {
			t.Fatal(err)
		}
		if err := tasks.Check(r); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: Check says %v, want %q in it", assignment, err, want)
		}
	}
}

// TestCheckCoversEveryNumber: no key takes NaN, or far too much or too little, whatever
// the other keys are. The seed may be any number.
func TestCheckCoversEveryNumber(t *testing.T) {
	for _, key := range keys.Names(quickstart(t)) {
		var bad []any
		switch field(quickstart(t), key).Interface().(type) {
		case float64:
			bad = []any{nan, inf, -inf, -1., 1e30}
		case int:
			bad = []any{-1, 1_000_000_000_000}
		case builders.IntSet:
			bad = []any{builders.IntSet{-1}, builders.IntSet{1_000_000_000_000}}
		}
		for _, value := range bad {
			r := quickstart(t)
			field(r, key).Set(reflect.ValueOf(value))
			if err := tasks.Check(r); err == nil || !strings.Contains(err.Error(), key) {
				t.Errorf("%s=%v: Check says %v, want an error about it", key, value, err)
			}
		}
	}
}

// field is the field of a key.
func field(r *tasks.Contrastive, key string) reflect.Value {
	v := reflect.ValueOf(r).Elem()
	for _, f := range reflect.VisibleFields(v.Type()) {
		if name, _, _ := strings.Cut(f.Tag.Get("json"), ","); name == key {
			return v.FieldByIndex(f.Index)
		}
	}
	panic(key)
}

func TestPresets(t *testing.T) {
	for name, p := range tasks.Presets() {
		r := p.Recipe()
		if r.Common().Preset != name || p.Summary == "" {
			t.Errorf("%s: preset key %q, summary %q", name, r.Common().Preset, p.Summary)
		}
		if err := tasks.Check(r); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		data, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		again, err := tasks.ReadRecipe(data)
		if err != nil || !reflect.DeepEqual(r, again) {
			t.Errorf("%s does not survive JSON (%v):\n%+v\n%+v", name, err, r, again)
		}
		r.Common().Seed++
		if p.Recipe().Common().Seed == r.Common().Seed {
			t.Errorf("%s: a change of its recipe changes the preset", name)
		}
	}
}

func TestReadRecipe(t *testing.T) {
	for text, says := range map[string]string{
		`{"method": "patchmix", "dmi": 4}`:     `unknown key "dmi", did you mean "dim"?`,
		`{"method": "patchmix", "dim": "big"}`: `key "dim" holds a JSON string`,
		`{"method": "patchmx"}`:                `did you mean "patchmix"`,
		`{"dim": 4}`:                           "names no task",
		`[1]`:                                  "want a JSON object of keys",
		`{`:                                    "want a JSON object of keys",
	} {
		if _, err := tasks.ReadRecipe([]byte(text)); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("ReadRecipe(%s): %v, want %q in it", text, err, says)
		}
	}
	r, err := tasks.ReadRecipe([]byte(`{"method": "mocov3", "dim": 48, "mix_num": [2, 3], "data": "folder:x"}`))
	if err != nil {
		t.Fatal(err)
	}
	if c := r.(*tasks.Contrastive); c.Dim != 48 || !slices.Equal(c.MixNum, builders.IntSet{2, 3}) || c.Data != "folder:x" || c.TaskName() != "mocov3" {
		t.Errorf("ReadRecipe gives %+v", r)
	}
}

// younger is a recipe with a key that earlier programs did not have.
type younger struct {
	tasks.Contrastive
	New int `json:"new" help:"younger than its recipe" absent:"1"`
}

// TestConfigHashOutlivesNewKeys: a run keeps its hash when a key comes that says what
// the run did without it, and another value of that key is another configuration.
func TestConfigHashOutlivesNewKeys(t *testing.T) {
	hash := func(r tasks.Recipe) string {
		t.Helper()
		h, err := tasks.ConfigHash(r)
		if err != nil {
			t.Fatal(err)
		}
		return h
	}
	before := hash(quickstart(t))
	if now := hash(&younger{*quickstart(t), 1}); now != before {
		t.Error("a new key at the value that runs had without it changes their hash")
	}
	if now := hash(&younger{*quickstart(t), 2}); now == before {
		t.Error("another value of a new key does not change the hash")
	}
	moved := quickstart(t)
	moved.Data = "folder:elsewhere"
	if hash(moved) != before {
		t.Error("where the images lie changes the hash")
	}
}
