package tasks

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"reflect"

	"pmx/artifacts"
	"pmx/builders"
	"pmx/images"
	"pmx/internal/keys"
	"pmx/internal/registry"
	"pmx/runtimes"
	"pmx/training"
)

// Task is a kind of training. A task is one file that registers itself.
type Task struct {
	Name    string
	Summary string // one line
	Paper   string // where it is described, "" if nowhere
	// New makes a recipe of the task, with the values that keys have where nobody
	// sets them.
	New func() Recipe
}

// Recipe is everything that decides what a run does. Nothing else changes its
// numbers, so a run's config.json is its recipe.
//
// It is a pointer to a flat struct that embeds Base; the tags of its fields are the
// keys (package keys). What a task offers beyond this interface it says by
// implementing Encoded, Evaluated, Exported, Sized or ORTTrained.
type Recipe interface {
	// Common gives the keys that every recipe has, to read and to change.
	Common() *Base
	// TaskName is the name of the recipe's task.
	TaskName() string
	// BatchSize is the number of images of a step.
	BatchSize() int
	// Validate says which key is wrong and how, beyond the bounds in the tags.
	Validate() error
	// Plan is what the training step is built of.
	Plan() (*builders.Plan, error)
	// Schedules are those of the step's hyper-parameters, over a run whose epochs have
	// the given number of steps.
	Schedules(stepsPerEpoch int) training.Schedules
	// Open opens what is trained on.
	Open(ctx context.Context, o OpenOptions) (Data, error)
}

// Base holds the keys that every recipe has. Recipes embed it.
type Base struct {
	Preset     string  `json:"preset" help:"the preset that the recipe began as"`
	Data       string  `json:"data" help:"images to train on: a data set specification, see pmx train --help" alias:"dataset,data_path,images"`
	HoldOut    float64 `json:"hold_out" help:"part of the images kept out of training for evaluation, where there are no test images" min:"0" below:"1" alias:"val_split,validation_split"`
	Unlabelled bool    `json:"unlabelled" help:"take all images below a folder without their classes" absent:"false"`
	Epochs     int     `json:"epochs" help:"passes over the data" min:"1" max:"1e6" alias:"max_epochs,num_epochs,n_epochs"`
	Seed       uint64  `json:"seed" help:"decides every random draw" alias:"random_seed"`
}

// Common implements Recipe.
func (b *Base) Common() *Base { return b }

// OpenOptions say how data is opened.
type OpenOptions struct {
	Images Images // in place of what the recipe's key data names; zero: that
	// Skipped, unless nil, is told of images that cannot be read and are passed over, see
	// images.SkipBadImages; with nil the first of them is an error.
	Skipped func(images.Skipped)
	// Remedy is what helps where the images do not make a batch.
	Remedy string
}

// Data is what a run is trained on, opened.
type Data interface {
	// Name says what it is, such as "cifar10 train".
	Name() string
	// Len is the number of images.
	Len() int
	// Digest identifies the data; it may take a while.
	Digest() (string, error)
	// Notes are what to know of data that can be used as it is, a line each.
	Notes() []string
	// Covers reports whether the digest covers the image file at a path: one that it
	// does not cover may change between the sessions of a run.
	Covers(path string) bool
	// HoldsOut reports whether test images were held out of the training images.
	HoldsOut() bool
	// StepsPerEpoch is the number of batches in one pass.
	StepsPerEpoch() int
	// Feeder makes the step's batches from a position on; workers 0 is one per core.
	Feeder(at training.Position, workers int) (Feeder, error)
}

// Feeder makes batches until it is closed.
type Feeder interface {
	training.Feeder
	Close()
}

// Encoded is a Recipe of a model with an encoder.
type Encoded interface {
	// Architecture describes the encoder, for readers of its weights.
	Architecture() builders.ArchitectureInfo
}

// ArchitectureOf is the architecture of a recipe's encoder as JSON; nil where it has
// none.
func ArchitectureOf(r Recipe) (json.RawMessage, error) {
	encoded, ok := r.(Encoded)
	if !ok {
		return nil, nil
	}
	return json.Marshal(encoded.Architecture())
}

// Env is where a task runs models.
type Env struct {
	Runtime runtimes.Runtime
	Options runtimes.Options
	// Progress, unless nil, is told how far long work between steps has come.
	Progress func(what string, done, total int64)
}

// Evaluated is a Recipe that measures what it trains: before the first step, on the
// way, and after the last.
type Evaluated interface {
	// Evaluation prepares the measurement. Data is what Open gave.
	Evaluation(ctx context.Context, d Data, env Env) (*Evaluation, error)
}

// Evaluation measures a model while it is trained.
type Evaluation struct {
	// Skipped says why nothing is measured, if so; then the rest is empty.
	Skipped string
	Notes   []string           // what to know of the numbers
	Data    artifacts.DataInfo // what is measured on
	Key     string             // of the measured numbers, the one that stands for all
	// Untrained measures before the first step too.
	Untrained bool
	Measure   func(ctx context.Context, l *training.Loop) (map[string]float64, error)
	// Probe, unless nil, measures a linear probe of the encoder: the number of ProbeKey.
	Probe func(ctx context.Context, l *training.Loop) (map[string]float64, error)
	// Summary is a line about the values of Key.
	Summary func(c Course) string
}

// Course is how a measured value went over a run.
type Course struct {
	Untrained float64 // before the first step; NaN where it was not measured
	Init      bool    // the encoder was given then, not drawn
	Last      float64 // after the last step
	Best      float64 // the highest
	BestStep  int64   // after which it was measured first
}

// Start is the word for the model before the first step.
func (c Course) Start() string {
	if c.Init {
		return "at the start"
	}
	return "untrained"
}

// Exported is a Recipe that writes what it trained when its run is done.
type Exported interface {
	// Outputs are the names of what Export writes in a run's folder.
	Outputs() []string
	// Export writes the newest checkpoint's model and gives a line about each file.
	Export(ctx context.Context, run *artifacts.RunDir, env Env) ([]string, error)
}

// Sized is a Recipe that knows the memory of its step without building it.
type Sized interface {
	Sizes() builders.Sizes
}

// ORTTrained is a Recipe whose step can be written as the artifacts of ONNX Runtime
// Training.
type ORTTrained interface {
	// EvalPlan is the plan of the evaluation model: with nothing dropped.
	EvalPlan() (*builders.Plan, error)
}

var registered = registry.New[*Task]("tasks", "task")

// Register adds a task. It panics on a duplicate name.
func Register(t Task) *Task { return registered.Add(t.Name, &t) }

// Lookup finds a task; the error lists those that exist.
func Lookup(name string) (*Task, error) { return registered.Lookup(name) }

// All gives the registered tasks by name.
func All() iter.Seq2[string, *Task] { return registered.All() }

// Names lists the registered tasks.
func Names() []string { return registered.Names() }

// Clone copies a recipe, so that a change of the copy leaves it as it is.
func Clone(r Recipe) Recipe {
	v := reflect.New(reflect.TypeOf(r).Elem())
	v.Elem().Set(reflect.ValueOf(r).Elem())
	ownLists(v.Elem())
	return v.Interface().(Recipe)
}

// ownLists gives a struct lists of its own: reading JSON writes into those that are there.
func ownLists(v reflect.Value) {
	for i := range v.NumField() {
		switch f := v.Field(i); f.Kind() {
		case reflect.Struct:
			ownLists(f)
		case reflect.Slice:
			if f.CanSet() && !f.IsNil() {
				own := reflect.MakeSlice(f.Type(), f.Len(), f.Len())
				reflect.Copy(own, f)
				f.Set(own)
			}
		}
	}
}

// Check says which key of a recipe is wrong and how: out of its bounds, or at odds
// with another.
func Check(r Recipe) error {
	if err := keys.Validate(r); err != nil {
		return err
	}
	return r.Validate()
}

// ReadRecipe reads a whole recipe, such as a run's config.json. Its task is what the
// key "task" names or, in pre-training, "method". Keys that are younger than the file
// take the values that its program used.
func ReadRecipe(data []byte) (Recipe, error) {
	var of struct{ Task, Method string }
	if err := json.Unmarshal(data, &of); err != nil {
		return nil, fmt.Errorf("%w: want a JSON object of keys, as `pmx presets NAME` prints", err)
	}
	name := of.Task
	if name == "" {
		name = of.Method
	}
	if name == "" {
		return nil, fmt.Errorf("the recipe names no task: want a key task or method")
	}
	t, err := Lookup(name)
	if err != nil {
		return nil, err
	}
	r := t.New()
	return r, keys.ReadWhole(r, data)
}
