package cli

import (
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"pmx/builders"
)

func quickstart(t *testing.T) Recipe {
	t.Helper()
	p, err := presets.Lookup("quickstart")
	if err != nil {
		t.Fatal(err)
	}
	return p.Recipe
}

func TestEveryKeyIsExplainedAndCanBeSet(t *testing.T) {
	keys := map[string]bool{}
	for _, key := range recipeKeys() {
		if keys[key] {
			t.Errorf("key %s is there twice: JSON would drop both", key)
		}
		keys[key] = true
		if keyDocs[key] == "" {
			t.Errorf("key %s is not explained in keyDocs", key)
		}
		r := quickstart(t)
		value := "1" // a string, an integer, a float, true and a set all read it
		if err := r.Set(key, value); err != nil {
			t.Errorf("Set(%s, %s): %v", key, value, err)
		}
	}
	for key := range keyDocs {
		if !keys[key] {
			t.Errorf("keyDocs explains %s, which is no key", key)
		}
	}
}

func TestRecipeJSONHasExactlyTheKeys(t *testing.T) {
	data, err := json.Marshal(quickstart(t))
	if err != nil {
		t.Fatal(err)
	}
	var object map[string]json.RawMessage
	if err := json.Unmarshal(data, &object); err != nil {
		t.Fatal(err)
	}
	for _, key := range recipeKeys() {
		if _, ok := object[key]; !ok {
			t.Errorf("the JSON lacks %s", key)
		}
		delete(object, key)
	}
	if len(object) > 0 {
		t.Errorf("the JSON has %v, which are no keys", object)
	}
}

func TestSetErrors(t *testing.T) {
	for assignment, want := range map[string]string{
		"dimm=4":             `unknown key "dimm", did you mean "dim"? (known: preset, method, image_size`,
		"dim=wide":           "dim=wide: want a whole number (width of the transformer)",
		"drop_path=much":     "drop_path=much: want a number",
		"base_lr=1_0":        "base_lr=1_0: want a number",
		"base_lr=0x1p-2":     "base_lr=0x1p-2: want a number",
		"epochs=1_0":         "epochs=1_0: want a whole number",
		"momentum_encoder=2": "momentum_encoder=2: want true or false",
		"mix_num=2,x":        "mix_num=2,x: want whole numbers with commas between them",
		"seed=-1":            "seed=-1: want a whole number, 0 or more",
	} {
		r := quickstart(t)
		key, value, _ := strings.Cut(assignment, "=")
		if err := r.Set(key, value); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("Set(%s):\n got %v\nwant %s...", assignment, err, want)
		}
		if !reflect.DeepEqual(r, quickstart(t)) {
			t.Errorf("Set(%s) failed and changed the recipe", assignment)
		}
	}
}

func TestValidateNamesTheKey(t *testing.T) {
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
		if err := r.Set(key, value); err != nil {
			t.Fatal(err)
		}
		if err := r.Validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: Validate says %v, want %q in it", assignment, err, want)
		}
	}
}

// TestValidateCoversEveryNumber: no key takes what is no number, or far too much or
// too little, whatever the other keys are. The seed may be any number.
func TestValidateCoversEveryNumber(t *testing.T) {
	for _, key := range recipeKeys() {
		r := quickstart(t)
		var values []string
		switch recipeFields(reflect.ValueOf(&r).Elem())[key].Interface().(type) {
		case float64:
			values = []string{"NaN", "+Inf", "-Inf", "-1", "1e30"}
		case int, builders.IntSet:
			values = []string{"-1", "1000000000000"}
		}
		for _, value := range values {
			if err := r.Set(key, value); err != nil {
				t.Fatal(err)
			}
			if err := r.Validate(); err == nil || !strings.Contains(err.Error(), key) {
				t.Errorf("%s=%s: Validate says %v, want an error about it", key, value, err)
			}
		}
	}
}

func TestLoad(t *testing.T) {
	path := filepath.Join(t.TempDir(), "config.json")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	write(`{"dim": 48, "mix_num": [2, 3], "data": "folder:x"}`)
	r := quickstart(t)
	if err := r.Load(path); err != nil {
		t.Fatal(err)
	}
	want := quickstart(t)
	want.Dim, want.MixNum, want.Sources.Data = 48, builders.IntSet{2, 3}, "folder:x"
	if !reflect.DeepEqual(r, want) {
		t.Errorf("Load gives %+v, want %+v", r, want)
	}
	for text, says := range map[string]string{
		`{"dmi": 4}`:     `unknown key "dmi", did you mean "dim"?`,
		`{"dim": "big"}`: "dim",
		`[1]`:            "want a JSON object of keys",
		`{`:              "want a JSON object of keys",
	} {
		write(text)
		if err := r.Load(path); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("Load(%s): %v, want %q in it", text, err, says)
		}
	}
}

func TestPresets(t *testing.T) {
	for name, p := range presets.All() {
		r := p.Recipe
		if r.Preset != name || p.Summary == "" {
			t.Errorf("%s: preset key %q, summary %q", name, r.Preset, p.Summary)
		}
		if err := r.Validate(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		data, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		var again Recipe
		if err := json.Unmarshal(data, &again); err != nil || !reflect.DeepEqual(r, again) {
			t.Errorf("%s does not survive JSON (%v):\n%+v\n%+v", name, err, r, again)
		}
	}
}

// TestPublishedRecipes holds the presets to the table of the paper's recipes.
func TestPublishedRecipes(t *testing.T) {
	type row struct {
		dim, depth, heads, batch, epochs, warmup, patch, local int
		lr, wd, wdEnd, scale                                   float64
		momentum                                               bool
	}
	for name, want := range map[string]row{
		"imagenet-tiny":  {192, 12, 3, 1024, 300, 10, 16, 8, 2e-3, .02, .2, .35, false},
		"imagenet-small": {384, 12, 12, 1024, 300, 10, 16, 8, 5e-4, .04, .4, .35, true},
		"imagenet-base":  {768, 12, 12, 1024, 300, 10, 16, 8, 7.5e-4, .04, .4, .35, true},
		"cifar-tiny":     {192, 12, 3, 512, 800, 100, 2, 0, 2e-3, .02, .2, .1, false},
		"cifar-small":    {384, 12, 12, 512, 800, 100, 2, 0, 5e-4, .04, .4, .1, true},
		"cifar-base":     {768, 12, 12, 512, 800, 100, 2, 0, 7.5e-4, .04, .4, .1, true},
	} {
		p, err := presets.Lookup(name)
		if err != nil {
			t.Error(err)
			continue
		}
		r := p.Recipe
		got := row{
			r.Dim, r.Depth, r.Heads, r.Batch, r.Epochs, r.WarmupEpochs, r.PatchSize, r.LocalCrops,
			r.BaseLR, r.WeightDecay, r.WeightDecayEnd, r.CropScaleMin, r.MomentumEncoder,
		}
		if got != want {
			t.Errorf("%s is %+v, want %+v", name, got, want)
		}
		if r.DropPath != .1 || r.Temperature != .2 || r.Hidden != 4096 || r.OutDim != 256 || r.MinLR != 1e-6 || r.EMAMomentum != .996 ||
			r.SourceSmoothing != .1 || r.MixSmoothing != 0 || len(r.MixNum) != 1 || r.MixNum[0] != 2 {
			t.Errorf("%s differs from what all recipes share: %+v", name, r)
		}
	}
}
