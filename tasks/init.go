package tasks

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"pmx/artifacts"
	"pmx/artifacts/weights"
	"pmx/builders"
	"pmx/export"
	"pmx/internal/shell"
	"pmx/step"
)

// Initialised is a Recipe whose run can start from the weights of an encoder.
type Initialised interface {
	Recipe
	Encoded
	// Adopt makes the recipe's architecture that of an encoder, the size of its images
	// included.
	Adopt(c builders.ViTConfig)
	// Encoders are the roots in the state that the encoder's weights go to, such as
	// builders.BaseEncoder; "" where their names have none.
	Encoders() []string
}

// Init is an encoder that a run starts from, in place of weights that are drawn. The
// heads of a task are drawn all the same.
type Init struct {
	// Path is what it was opened by.
	Path    string
	Encoder *export.Encoder
	// Report is of what was read of weights in a file or folder; nil of a run's.
	Report *weights.Report
	// Rule resizes positions where the recipe has images of another size; "" is the
	// layout's own, and for encoders of pmx weights.RuleOffset.
	Rule weights.PositionRule
}

// OpenInit opens a run, a checkpoint, or a file or folder of weights to start from. The
// options' ImageSize is left to the recipe.
func OpenInit(ctx context.Context, path string, o export.OpenOptions) (*Init, error) {
	o.ImageSize = 0
	e, report, err := export.Open(ctx, path, o)
	if err != nil {
		return nil, err
	}
	return &Init{Path: path, Encoder: e, Report: report, Rule: o.Rule}, nil
}

// Adopt makes a recipe's architecture the encoder's.
func (i *Init) Adopt(r Recipe) error {
	initialised, err := initialisedRecipe(r)
	if err == nil {
		initialised.Adopt(i.Encoder.Config)
	}
	return err
}

func initialisedRecipe(r Recipe) (Initialised, error) {
	if initialised, ok := r.(Initialised); ok {
		return initialised, nil
	}
	return nil, &RecipeError{fmt.Errorf("task %s has no encoder that weights could go to: leave out --init", r.TaskName())}
}

// check compares the encoder with the recipe.
func (i *Init) check(r Recipe) error {
	initialised, err := initialisedRecipe(r)
	if err != nil {
		return err
	}
	want, has := initialised.Architecture(), i.Encoder.Config
	var other []string
	for _, k := range []struct {
		key       string
		want, has int
	}{
		{"patch_size", want.PatchSize, has.PatchSize}, {"dim", want.Dim, has.Dim}, {"depth", want.Depth, has.Depth},
		{"heads", want.Heads, has.Heads}, {"mlp_ratio", want.MLPRatio, has.MLPRatio},
	} {
		if k.want != k.has {
			other = append(other, fmt.Sprintf("%s=%d (the recipe has %d)", k.key, k.has, k.want))
		}
	}
	if other != nil {
		return &RecipeError{fmt.Errorf("the weights of %s are of another architecture than the recipe: they need %s", i.Path, strings.Join(other, ", "))}
	}
	return nil
}

// notes are what to know of the encoder before it is trained.
func (i *Init) notes() (notes []string) {
	e := i.Encoder
	if a := e.Architecture(); a.Mean != builders.ImageMean || a.Std != builders.ImageStd {
		notes = append(notes, fmt.Sprintf("%s is for images that are normalised with mean %v and std %v, and the run normalises with ImageNet's: --fold-normalisation makes up for it in the patch embedding", i.Path, a.Mean, a.Std))
	}
	if a, own := e.Architecture(), builders.Architecture(builders.ViTConfig{}); a.Epsilon != own.Epsilon {
		notes = append(notes, fmt.Sprintf("%s has layer norms with epsilon %g; the run continues with %g", i.Path, a.Epsilon, own.Epsilon))
	}
	return notes
}

// optional are the weights of an encoder that a model may do without: a classifier on the
// mean of the patches has no final norm, and a detector no class token either.
var optional = []string{"cls_token", "norm.weight", "norm.bias"}

// state puts the encoder's weights into a state that was drawn, and says what was done.
func (i *Init) state(drawn step.State, r Initialised) (*artifacts.InitInfo, error) {
	e := *i.Encoder
	rule := i.Rule
	if rule == "" && i.Report != nil {
		rule = i.Report.Rule
	}
	if err := e.Resize(rule, r.Architecture().ImageSize); err != nil {
		return nil, err
	}
	info := &artifacts.InitInfo{
		Path: i.Path, Encoder: e.Root, Steps: e.Step, Digest: i.Encoder.Digest(),
		PositionsResized: e.Metadata[weights.ResizeProperty], NormalisationFolded: e.Metadata[weights.NormalisationProperty],
	}
	if abs, err := filepath.Abs(i.Path); err == nil {
		info.Path = abs
	}
	if i.Report != nil {
		info.Layout, info.Encoder = i.Report.Layout, cmp.Or(i.Report.Encoder, info.Encoder)
		info.Dropped = i.Report.Dropped
	}
	var unused []string
	for _, name := range weights.ParameterNames(e.Config.Depth) {
		t := e.Tensors[name]
		used := false
		for _, root := range r.Encoders() {
			to := name
			if root != "" {
				to = root + "." + name
			}
			was := drawn[to]
			switch {
			case was == nil: // see optional
				continue
			case t == nil:
				return nil, fmt.Errorf("tasks: %s has no %s, which the recipe's model has: start from another encoder", i.Path, name)
			case !was.Shape().Equal(t.Shape()):
				return nil, fmt.Errorf("tasks: %s has %s of %v, the recipe's model of %v", i.Path, name, t.Shape(), was.Shape())
			}
			drawn[to], used = t.Clone(), true
		}
		if !used && t != nil {
			unused = append(unused, name)
		}
	}
	for _, name := range unused {
		if !slices.Contains(optional, name) {
			return nil, fmt.Errorf("tasks: the recipe's model has no %s, which %s has", name, i.Path)
		}
	}
	info.Dropped = append(slices.Clone(info.Dropped), unused...)
	return info, nil
}

// checkInit finds out whether the run can start from what it is given, before images are
// looked for.
func (t *run) checkInit() error {
	if t.Init == nil {
		return nil
	}
	if t.Resume {
		return &RecipeError{fmt.Errorf("a resumed run continues with the weights of its newest checkpoint: leave out --init, or start a new run in another folder")}
	}
	if err := t.Init.check(t.recipe); err != nil {
		return err
	}
	for _, note := range t.Init.notes() {
		t.note("%s", note)
	}
	return nil
}

// startingState draws the state that the run starts from, with the weights that it is
// given. The manifest says which.
func (t *run) startingState(ctx context.Context, m *artifacts.Manifest) (step.State, error) {
	state, err := InitialState(ctx, t.recipe, t.step)
	if err != nil || t.Init == nil {
		return state, err
	}
	initialised, err := initialisedRecipe(t.recipe)
	if err != nil {
		return nil, err
	}
	if m.Init, err = t.Init.state(state, initialised); err != nil {
		return nil, err
	}
	if m.Init.PositionsResized != "" {
		t.note("positions were resized: %s patches", m.Init.PositionsResized)
	}
	return state, nil
}

// saveStart saves the state that a run with given weights starts from: a resume before
// the first checkpoint could not draw it.
func (t *run) saveStart(state step.State) error {
	hook, err := t.checkpointHook()
	if err != nil {
		return err
	}
	c, err := hook.Initial(t.step, state)
	if err != nil {
		return err
	}
	return hook.Checkpoints.Save(c)
}

// checkStarted refuses to draw the weights of a run that was to start from others and was
// ended before they were saved.
func (t *run) checkStarted(before artifacts.Manifest) error {
	if before.Init == nil {
		return nil
	}
	_, err := t.dir.Checkpoints().Newest()
	if errors.Is(err, artifacts.ErrNoCheckpoint) {
		return fmt.Errorf("tasks: %s was ended before the weights of %s that it starts from were saved: start it again with --overwrite --init %[2]s", t.Dir, shell.Quote(before.Init.Path))
	}
	return err
}
