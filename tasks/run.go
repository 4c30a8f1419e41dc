package tasks

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"path/filepath"
	"unicode/utf8"

	"pmx/artifacts"
	"pmx/builders"
	"pmx/export"
	"pmx/images"
	"pmx/internal/cancel"
	"pmx/internal/progress"
	"pmx/internal/shell"
	"pmx/runtimes"
	"pmx/step"
	"pmx/training"
)

// Options say how a recipe is trained. They do not change its numbers, except that a run
// may start from given weights (Init), which its manifest names, and that another
// runtime or device rounds in other places.
type Options struct {
	// Dir is the run's folder.
	Dir string
	// Resume continues with the run in Dir, Overwrite deletes it and starts again; a
	// folder that holds a run is refused without either.
	Resume, Overwrite bool
	// AcceptChangedData continues with a resumed run although images were repaired,
	// added or removed.
	AcceptChangedData bool

	// Init, unless nil, is the encoder that a new run starts from, see OpenInit.
	Init *Init

	// Runtime executes the step, with Execution.
	Runtime   runtimes.Runtime
	Execution runtimes.Options
	// Images are a data set of the program's own, in place of what the recipe names.
	Images Images
	// Workers make batches ahead; 0 is one per core. The batches do not depend on it.
	Workers int
	// Routine is what is done between steps; nil is DefaultRoutine.
	Routine *artifacts.Routine
	// Hooks are called behind Run's own, except for the one that saves.
	Hooks []training.Hook
	// ProfileSteps traces so many of the session's first steps, after one that is left
	// out; 0 traces none.
	ProfileSteps int

	// Out takes what was achieved, Log what to know on the way; nil discards them.
	Out, Log io.Writer
	// Progress, unless nil, is told how far long work after the last step has come.
	Progress func(what string, done, total int64)
}

// DefaultRoutine saves every epoch, keeps three checkpoints, and evaluates before the
// first and after the last step.
var DefaultRoutine = artifacts.Routine{Keep: 3, CheckpointEvery: 1, KNN: true}

// run is one call of Run.
type run struct {
	Options
	recipe  Recipe
	routine artifacts.Routine

	data       Data
	evaluation *Evaluation // nil without
	perEpoch   int
	steps      int64 // of the whole run
	step       *step.Step
	hash       string // of the recipe
	profile    *profile
	session    runtimes.Session
	dir        *artifacts.RunDir
	given      bool // the weights that the run started from
	from       training.Resumed
	skipped    skippedImages
}

// Run trains by a recipe, from its data to the exported model, or continues with a run.
// What can be wrong is found out before anything is written. A context that is done
// ends it after the step that is under way, saved; the error then is, or wraps, a
// *training.InterruptedError. Run changes the recipe's data specification to one that
// means the same from every folder.
func Run(ctx context.Context, r Recipe, o Options) (err error) {
	t := &run{Options: o, recipe: r, routine: DefaultRoutine}
	if o.Routine != nil {
		t.routine = *o.Routine
	}
	for _, w := range []*io.Writer{&t.Out, &t.Log} {
		if *w == nil {
			*w = io.Discard
		}
	}
	if o.ProfileSteps > 0 {
		t.profile = &profile{steps: o.ProfileSteps + 1}
		defer func() { err = errors.Join(err, t.profile.close()) }()
	}
	for _, prepare := range []func(context.Context) error{t.checkRecipe, t.openData, t.openEvaluation, t.compile} {
		if err := prepare(ctx); err != nil {
			return err
		}
	}
	defer t.session.Close()
	if err := t.openDir(ctx); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, t.dir.Close()) }()
	if err := t.train(ctx); err != nil {
		return err
	}
	return t.finish(ctx)
}

// note tells what does not stop a run.
func (t *run) note(format string, args ...any) {
	fmt.Fprintf(t.Log, "note: "+format+"\n", args...)
}

func (t *run) env() Env {
	return Env{Runtime: t.Runtime, Options: t.Execution, Progress: t.Progress}
}

// checkRecipe finds out whether the recipe can be trained by and is, on resume, that of
// the run, before its images are looked for.
func (t *run) checkRecipe(context.Context) (err error) {
	if err := Check(t.recipe); err != nil {
		return &RecipeError{err}
	}
	if err := t.checkInit(); err != nil || !t.Resume {
		return err
	}
	before, err := viewToResume(t.Dir)
	if err != nil {
		return err
	}
	return checkConfig(before, t.recipe)
}

func (t *run) openData(ctx context.Context) (err error) {
	remedy := "--set batch=N"
	if t.Resume {
		remedy = "name the images of the run by --data"
	}
	open := OpenOptions{Images: t.Images, Remedy: remedy}
	if !t.routine.StopOnBadImage {
		open.Skipped = t.skipped.add
	}
	if t.data, err = t.recipe.Open(ctx, open); err != nil {
		return err
	}
	for _, note := range t.data.Notes() {
		t.note("%s", note)
	}
	if t.hash, err = ConfigHash(t.recipe); err != nil { // Open may have completed it
		return err
	}
	t.perEpoch = t.data.StepsPerEpoch()
	t.steps = int64(t.recipe.Common().Epochs) * int64(t.perEpoch)
	return t.profile.check(t.steps)
}

// openEvaluation leaves the evaluation nil where there is nothing to measure, which is
// said.
func (t *run) openEvaluation(ctx context.Context) error {
	evaluated, ok := t.recipe.(Evaluated)
	if !ok || !t.routine.KNN {
		return nil
	}
	e, err := evaluated.Evaluation(ctx, t.data, t.env())
	if err != nil || e == nil {
		return err
	}
	if e.Skipped != "" {
		t.note("%s", e.Skipped)
		return nil
	}
	for _, note := range e.Notes {
		t.note("%s", note)
	}
	t.evaluation = e
	return nil
}

func (t *run) compile(ctx context.Context) (err error) {
	if err := NeedTraining(t.recipe, t.Execution.Device); err != nil {
		return err
	}
	if t.step, err = BuildStep(ctx, t.recipe); err != nil {
		return err
	}
	if t.profile != nil {
		return t.profile.open(t)
	}
	t.session, err = cancel.Unless(ctx, func() (runtimes.Session, error) { return t.Runtime.NewSession(t.step, t.Execution) })
	return err
}

// BuildStep builds a recipe's step. It ends with ctx: a deep model takes a while.
func BuildStep(ctx context.Context, r Recipe) (*step.Step, error) {
	plan, err := r.Plan()
	if err != nil {
		return nil, err
	}
	return cancel.Unless(ctx, func() (*step.Step, error) { return builders.Build(plan) })
}

// BuildORTTraining writes a recipe's step as the artifacts of ONNX Runtime Training.
func BuildORTTraining(r Recipe) (*builders.ORTTraining, error) {
	trained, ok := r.(ORTTrained)
	if !ok {
		return nil, &RecipeError{fmt.Errorf("task %s has no artifacts for ONNX Runtime Training: write a step file", r.TaskName())}
	}
	plan, err := r.Plan()
	if err != nil {
		return nil, err
	}
	eval, err := trained.EvalPlan()
	if err != nil {
		return nil, err
	}
	return builders.BuildORTTraining(plan, eval)
}

// InitialState draws what a run by a recipe starts from, and ends with ctx, too.
func InitialState(ctx context.Context, r Recipe, s *step.Step) (step.State, error) {
	return cancel.Unless(ctx, func() (step.State, error) { return s.InitialState(r.Common().Seed), nil })
}

// openDir makes the run's folder, or finds where the run in it stands. What can fail
// comes first: an overwrite deletes the run that was there.
func (t *run) openDir(ctx context.Context) (err error) {
	manifest, err := t.manifest(ctx)
	if err != nil {
		return err
	}
	if err := t.fixData(); err != nil {
		return err
	}
	if exported, ok := t.recipe.(Exported); ok {
		for _, name := range exported.Outputs() { // now, not when the run is done
			if err := export.CheckOutputs(filepath.Join(t.Dir, name)); err != nil {
				return err
			}
		}
	}
	manifest.ConfigHash = t.hash
	if !t.Resume {
		return t.begin(ctx, manifest)
	}
	if t.dir, err = artifacts.OpenRun(t.Dir); err != nil {
		return err
	}
	defer func() {
		if err != nil {
			t.dir.Close()
		}
	}()
	if err := t.resume(&manifest); err != nil {
		return err
	}
	// What may change is remembered.
	if err := t.dir.WriteConfig(t.recipe); err != nil {
		return err
	}
	return t.dir.WriteManifest(manifest)
}

// fixData makes the recipe's data specification one that is found from every folder.
func (t *run) fixData() (err error) {
	b := t.recipe.Common()
	if fixed, ok := t.data.(interface{ Spec() string }); ok {
		b.Data = fixed.Spec()
	} else if t.Images.Train == nil {
		if b.Data, err = images.AbsSpec(b.Data); err != nil {
			return err
		}
	}
	if !utf8.ValidString(b.Data) {
		return &RecipeError{fmt.Errorf("--data %q: %s cannot hold a path that is not UTF-8: rename the folder, or name a link to it", b.Data, artifacts.ConfigName)}
	}
	if _, err := json.Marshal(t.recipe); err != nil {
		return fmt.Errorf("the recipe cannot be written: %w", err)
	}
	return nil
}

// begin gives the session the state that the run starts from, and makes the run's
// folder.
func (t *run) begin(ctx context.Context, m artifacts.Manifest) error {
	state, err := t.startingState(ctx, &m)
	if err != nil {
		return err
	}
	if err := t.session.SetState(state); err != nil {
		return err
	}
	t.given = m.Init != nil
	if t.dir, err = artifacts.CreateRun(t.Dir, m, t.recipe, t.Overwrite); err != nil || t.Init == nil {
		return err
	}
	if err := t.saveStart(state); err != nil {
		return errors.Join(err, t.dir.Close())
	}
	return nil
}

// manifest is that of a run whose first session this is, except for its configuration.
func (t *run) manifest(ctx context.Context) (m artifacts.Manifest, err error) {
	m = artifacts.Manifest{Method: t.recipe.TaskName(), Seed: t.recipe.Common().Seed}
	digest, err := cancel.Unless(ctx, t.data.Digest)
	if err != nil {
		return m, err
	}
	m.Data = artifacts.DataInfo{Name: t.data.Name(), Samples: t.data.Len(), Digest: digest}
	if named, ok := t.data.(interface{ Classes() []string }); ok {
		m.Classes = named.Classes()
	}
	if t.evaluation != nil {
		m.TestData = t.evaluation.Data
	}
	if m.GraphHash, err = t.step.Model.Digest(); err != nil {
		return m, err
	}
	session := artifacts.NewSession(0)
	session.Runtime, session.Device = t.Runtime.Name(), t.Execution.Device
	session.Kernels, session.Routine = runtimes.KernelsOf(t.Execution), &t.routine
	if session.Library, err = t.Runtime.Version(t.Execution); err != nil {
		return m, err
	}
	m.Sessions = []artifacts.Session{session}
	return m, nil
}

func (t *run) train(ctx context.Context) error {
	feeder, err := t.data.Feeder(t.from.Position, t.Workers)
	if err != nil {
		return err
	}
	defer feeder.Close()
	hooks, err := t.hooks()
	if err != nil {
		return err
	}
	loop := &training.Loop{
		Session: t.session, Feeder: feeder, Schedules: t.recipe.Schedules(t.perEpoch),
		Steps: t.steps, Images: t.recipe.BatchSize(), Hooks: hooks, From: t.from,
	}
	fmt.Fprintf(t.Log, "%s on %s (%s images): %d epochs of %d steps, %s on %s\n",
		t.recipe.TaskName(), t.data.Name(), progress.Count(int64(t.data.Len())), t.recipe.Common().Epochs, t.perEpoch, t.Runtime.Name(), t.Execution.Device)
	t.forecast()
	err = loop.Run(ctx)
	if t.profile != nil {
		t.profile.print(t, err)
	}
	return t.imageRemedy(err)
}

// hooks are the loop's, in the order that training.Hook asks for.
func (t *run) hooks() ([]training.Hook, error) {
	evaluate, err := t.evaluationHook()
	if err != nil {
		return nil, err
	}
	save, err := t.checkpointHook()
	if err != nil {
		return nil, err
	}
	hooks := []training.Hook{
		&skippedHook{found: &t.skipped, log: t.Log, path: t.dir.Path(artifacts.SkippedName)}, // ends behind the progress bar
		training.NewProgressHook(t.Log), &training.MetricsHook{Run: t.dir}, &training.TensorBoardHook{Dir: t.dir.Path()},
	}
	if evaluate != nil {
		hooks = append(hooks, evaluate)
	}
	probe, err := t.probeHook()
	if err != nil {
		return nil, err
	}
	if probe != nil {
		hooks = append(hooks, probe)
	}
	hooks = append(hooks, t.Hooks...)
	return append(hooks, save), nil
}

// checkpointHook saves the run.
func (t *run) checkpointHook() (*training.CheckpointHook, error) {
	architecture, err := ArchitectureOf(t.recipe)
	if err != nil {
		return nil, err
	}
	checkpoints := t.dir.Checkpoints()
	checkpoints.Keep = t.routine.Keep
	return &training.CheckpointHook{
		Checkpoints: checkpoints, EveryEpochs: t.routine.CheckpointEvery, EverySteps: t.routine.CheckpointEverySteps,
		ConfigHash: t.hash, Method: t.recipe.TaskName(), Arch: architecture, State: t.step.State, Seed: t.recipe.Common().Seed,
	}, nil
}

// evaluationHook is nil where there is nothing to measure.
func (t *run) evaluationHook() (*training.EvalHook, error) {
	if t.evaluation == nil {
		return nil, nil
	}
	_, measured, err := t.measured(t.from.Step, t.evaluation.Key)
	if err != nil {
		return nil, err
	}
	return &training.EvalHook{
		EveryEpochs: t.routine.KNNEvery, Untrained: t.evaluation.Untrained, Last: true,
		Recorded: func(step int64) bool { return measured && step == t.from.Step }, Evaluate: t.evaluation.Measure,
	}, nil
}

// probeHook measures linear probes on the way and after the last step; nil where none are
// asked for.
func (t *run) probeHook() (*training.EvalHook, error) {
	if t.routine.ProbeEvery == 0 {
		return nil, nil
	}
	if t.evaluation == nil || t.evaluation.Probe == nil {
		t.note("no linear probe is measured: it takes an encoder in pre-training, and training and test images in classes")
		return nil, nil
	}
	_, measured, err := t.measured(t.from.Step, ProbeKey)
	return &training.EvalHook{
		EveryEpochs: t.routine.ProbeEvery, Last: true,
		Recorded: func(step int64) bool { return measured && step == t.from.Step }, Evaluate: t.evaluation.Probe,
	}, err
}

// measured is the newest value of a measured number that this or an earlier session has
// measured after a step, from the run's metrics; ok is false where none has.
func (t *run) measured(step int64, key string) (value float64, ok bool, err error) {
	// The rows are in the order of their steps. Those of the first are looked for from the
	// beginning, those of another step, most often the last, from the end.
	rows, past := t.dir.MetricsBackward(), func(s int64) bool { return s < step }
	if step == 0 {
		rows, past = t.dir.Metrics(), func(s int64) bool { return s > 0 }
	}
	tag := training.EvalTag(key)
	for row, err := range rows {
		if err != nil || past(row.Step) {
			return value, ok, err
		}
		if v, is := row.Number(tag); is && row.Step == step {
			if value, ok = v, true; step > 0 {
				break
			}
		}
	}
	return value, ok, nil
}

// finish exports what was trained and sums up.
func (t *run) finish(ctx context.Context) error {
	if exported, ok := t.recipe.(Exported); ok {
		lines, err := exported.Export(ctx, t.dir, t.env())
		if err != nil {
			if ctx.Err() != nil {
				err = fmt.Errorf("%w; the training is done and saved: export its model by pmx export %s", err, shell.Quote(t.Dir))
			}
			return err
		}
		for _, line := range lines {
			fmt.Fprintln(t.Out, line)
		}
	}
	if t.evaluation == nil || t.evaluation.Summary == nil {
		return nil
	}
	c, ok, err := t.course()
	if ok && err == nil {
		fmt.Fprintln(t.Out, t.evaluation.Summary(c))
	}
	return err
}

// course is how the evaluation's key went, from the run's metrics; ok is false where it
// was not measured after the last step, or before the first if it should have been.
func (t *run) course() (c Course, ok bool, err error) {
	c.Untrained, c.Last, c.Best, c.Init = math.NaN(), math.NaN(), math.Inf(-1), t.given
	tag := training.EvalTag(t.evaluation.Key)
	for row, err := range t.dir.Metrics(artifacts.MetricsEval) {
		if err != nil {
			return c, false, err
		}
		v, is := row.Number(tag)
		switch {
		case !is:
			continue
		case row.Step == 0:
			c.Untrained = v
			continue
		case row.Step == t.steps:
			c.Last = v
		}
		if v > c.Best {
			c.Best, c.BestStep = v, row.Step
		}
	}
	return c, !math.IsNaN(c.Last) && (!t.evaluation.Untrained || !math.IsNaN(c.Untrained)), nil
}
