package cli

import (
	"encoding/json"
	"fmt"
	"os"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"pmx/builders"
)

// Recipe is everything that decides what a training does: the model and its
// step, the views, the schedules and the data. Nothing else changes its numbers,
// so a run's config.json is its Recipe. The JSON names are the keys of --set, all
// on one level.
type Recipe struct {
	// Preset is the name of the preset that this recipe began as.
	Preset string `json:"preset"`

	builders.Config
	Views
	Schedule
	Sources

	// Seed decides every random draw: initial weights, order, views, masks.
	Seed uint64 `json:"seed"`
}

// Views says how views are made of an image.
type Views struct {
	// Random resized crops: the share of the image's area that they take.
	CropScaleMin  float64 `json:"crop_scale_min"`
	CropScaleMax  float64 `json:"crop_scale_max"`
	LocalScaleMin float64 `json:"local_scale_min"`
	LocalScaleMax float64 `json:"local_scale_max"`
	// Colour jitter: the largest relative change, of the hue in turns.
	Brightness float64 `json:"brightness"`
	Contrast   float64 `json:"contrast"`
	Saturation float64 `json:"saturation"`
	Hue        float64 `json:"hue"`
	// Probabilities. Blur has one for each kind of view; only view 2 is solarized.
	JitterProb    float64 `json:"jitter_prob"`
	GrayscaleProb float64 `json:"grayscale_prob"`
	BlurProb1     float64 `json:"blur_prob1"`
	BlurProb2     float64 `json:"blur_prob2"`
	BlurProbLocal float64 `json:"blur_prob_local"`
	SolarizeProb  float64 `json:"solarize_prob"`
	FlipProb      float64 `json:"flip_prob"`
	// Blur's sigma in pixels is drawn between these.
	BlurSigmaMin float64 `json:"blur_sigma_min"`
	BlurSigmaMax float64 `json:"blur_sigma_max"`
}

// Schedule says how long the training is and how its hyper-parameters go.
type Schedule struct {
	Epochs int `json:"epochs"`
	// The learning rate of a batch of b images climbs from 0 to base_lr·b/256 in
	// the warm-up and falls to MinLR along a cosine.
	WarmupEpochs int     `json:"warmup_epochs"`
	BaseLR       float64 `json:"base_lr"`
	MinLR        float64 `json:"min_lr"`
	// Weight decay goes from one to the other along a cosine.
	WeightDecay    float64 `json:"weight_decay"`
	WeightDecayEnd float64 `json:"weight_decay_end"`
	// EMAMomentum is where the momentum of the momentum encoder starts; it ends at 1.
	EMAMomentum float64 `json:"ema_momentum"`
	// The softmax temperature goes from TemperatureStart to Temperature in
	// TemperatureWarmupEpochs; with 0 of them it is Temperature throughout.
	Temperature             float64 `json:"temperature"`
	TemperatureStart        float64 `json:"temperature_start"`
	TemperatureWarmupEpochs int     `json:"temperature_warmup_epochs"`
	// Label smoothing of the targets between sources and of those of mixed images.
	SourceSmoothing float64 `json:"source_smoothing"`
	MixSmoothing    float64 `json:"mix_smoothing"`
}

// Sources says which images are trained on.
type Sources struct {
	// Data is a data set specification (see patchmix.Open).
	Data string `json:"data"`
	// HoldOut is the part of the images that is kept out of training, to be
	// classified in evaluations, where the data set has no test images.
	HoldOut float64 `json:"hold_out"`
}

// Set changes one key.
func (r *Recipe) Set(key, value string) error {
	field, ok := recipeFields(reflect.ValueOf(r).Elem())[key]
	if !ok {
		return unknownKey(key)
	}
	bad := func(want string) error {
		return fmt.Errorf("%s=%s: want %s (%s)", key, value, want, keyDocs[key])
	}
	switch p := field.Addr().Interface().(type) {
	case *string:
		*p = value
	case *bool:
		v, err := strconv.ParseBool(value)
		if err != nil {
			return bad("true or false")
		}
		*p = v
	case *int:
		v, err := strconv.Atoi(value)
		if err != nil {
			return bad("a whole number")
		}
		*p = v
	case *uint64:
		v, err := strconv.ParseUint(value, 10, 64)
		if err != nil {
			return bad("a whole number, 0 or more")
		}
		*p = v
	case *float64:
		v, err := parseFloat(value)
		if err != nil {
			return bad("a number")
		}
		*p = v
	case *builders.IntSet:
		var set builders.IntSet
		for part := range strings.SplitSeq(value, ",") {
			v, err := strconv.Atoi(strings.TrimSpace(part))
			if err != nil {
				return bad("whole numbers with commas between them")
			}
			set = append(set, v)
		}
		*p = set
	default:
		panic(fmt.Sprintf("cli: key %s has type %T, which Set does not know", key, p))
	}
	return nil
}

// Load takes the keys that a JSON file has, such as a run's config.json.
func (r *Recipe) Load(path string) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("--config: %w", err)
	}
	var keys map[string]json.RawMessage
	if err := json.Unmarshal(data, &keys); err != nil {
		return fmt.Errorf("--config %s: %w: want a JSON object of keys, as `pmx presets NAME` prints", path, err)
	}
	known := recipeKeys()
	for key := range keys {
		if !slices.Contains(known, key) {
			return fmt.Errorf("--config %s: %w", path, unknownKey(key))
		}
	}
	if err := json.Unmarshal(data, r); err != nil {
		return fmt.Errorf("--config %s: %w", path, err)
	}
	return nil
}

func unknownKey(key string) error {
	known := recipeKeys()
	return fmt.Errorf("unknown key %q%s (known: %s)", key, didYouMean(key, known), strings.Join(known, ", "))
}

// recipeKeys lists the keys in the order of the fields.
func recipeKeys() []string {
	var keys []string
	eachField(reflect.TypeFor[Recipe](), nil, func(key string, _ []int) { keys = append(keys, key) })
	return keys
}

func recipeFields(v reflect.Value) map[string]reflect.Value {
	fields := map[string]reflect.Value{}
	eachField(v.Type(), nil, func(key string, index []int) { fields[key] = v.FieldByIndex(index) })
	return fields
}

// eachField visits the JSON names of t's fields, those of embedded structs as
// encoding/json has them.
func eachField(t reflect.Type, at []int, visit func(key string, index []int)) {
	for i := range t.NumField() {
		f := t.Field(i)
		index := append(slices.Clone(at), i)
		if f.Anonymous {
			eachField(f.Type, index, visit)
			continue
		}
		key, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		visit(key, index)
	}
}

// Validate says which key is wrong and how, if any is. It does not look for the
// data. Also a key that nothing reads has to be a number: JSON knows no other.
func (r Recipe) Validate() error {
	if err := r.Config.Validate(); err != nil {
		return err
	}
	for _, p := range []struct {
		key         string
		v, min, max float64
	}{
		{"clip_grad", r.ClipGrad, 0, 1e9},
		{"crop_scale_max", r.CropScaleMax, 0, 1}, {"crop_scale_min", r.CropScaleMin, 0, r.CropScaleMax},
		{"local_scale_max", r.LocalScaleMax, 0, 1}, {"local_scale_min", r.LocalScaleMin, 0, r.LocalScaleMax},
		{"brightness", r.Brightness, 0, 1}, {"contrast", r.Contrast, 0, 1}, {"saturation", r.Saturation, 0, 1}, {"hue", r.Hue, 0, 0.5},
		{"jitter_prob", r.JitterProb, 0, 1}, {"grayscale_prob", r.GrayscaleProb, 0, 1},
		{"blur_prob1", r.BlurProb1, 0, 1}, {"blur_prob2", r.BlurProb2, 0, 1}, {"blur_prob_local", r.BlurProbLocal, 0, 1},
		{"solarize_prob", r.SolarizeProb, 0, 1}, {"flip_prob", r.FlipProb, 0, 1},
		{"blur_sigma_max", r.BlurSigmaMax, 0, 100}, {"blur_sigma_min", r.BlurSigmaMin, 0, r.BlurSigmaMax},
		{"epochs", float64(r.Epochs), 1, 1e6}, {"warmup_epochs", float64(r.WarmupEpochs), 0, float64(r.Epochs)},
		{"base_lr", r.BaseLR, 0, 1e3}, {"min_lr", r.MinLR, 0, 1e3}, {"weight_decay", r.WeightDecay, 0, 1e3}, {"weight_decay_end", r.WeightDecayEnd, 0, 1e3},
		{"ema_momentum", r.EMAMomentum, 0, 1}, {"temperature", r.Temperature, 1e-3, 1e3}, {"temperature_start", r.TemperatureStart, 0, 1e3},
		{"temperature_warmup_epochs", float64(r.TemperatureWarmupEpochs), 0, float64(r.Epochs)},
		{"source_smoothing", r.SourceSmoothing, 0, 1}, {"mix_smoothing", r.MixSmoothing, 0, 1},
	} {
		if !(p.v >= p.min && p.v <= p.max) {
			return fmt.Errorf("%s is %g, want %g to %g (%s)", p.key, p.v, p.min, p.max, keyDocs[p.key])
		}
	}
	switch {
	case r.TemperatureWarmupEpochs > 0 && r.TemperatureStart < 1e-3:
		return fmt.Errorf("temperature_start is %g, want 0.001 to 1000 (%s)", r.TemperatureStart, keyDocs["temperature_start"])
	case !(r.HoldOut >= 0 && r.HoldOut < 1):
		return fmt.Errorf("hold_out is %g, want 0 to below 1 (%s)", r.HoldOut, keyDocs["hold_out"])
	}
	return nil
}
