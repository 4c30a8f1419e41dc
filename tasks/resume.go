package tasks

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"pmx/artifacts"
	"pmx/builders"
	"pmx/images"
	"pmx/internal/keys"
	"pmx/internal/shell"
	"pmx/training"
)

// resumeMayChange lists the keys of a recipe that a resume takes again: where the
// images lie may change, their digest does not.
var resumeMayChange = []string{"data"}

// ConfigHash is the hash of a recipe without the keys that a resume may change, and
// without those that are younger than their recipe and say what it did without them:
// a run keeps its hash when such a key comes.
func ConfigHash(r Recipe) (string, error) {
	ignore := append([]string{}, resumeMayChange...)
	for _, k := range keys.Of(r) {
		if k.Absent == "" {
			continue
		}
		without := Clone(r)
		if err := keys.Set(without, k.Name, k.Absent); err != nil {
			return "", err
		}
		if keys.Get(without, k.Name) == keys.Get(r, k.Name) {
			ignore = append(ignore, k.Name)
		}
	}
	return artifacts.ConfigHash(r, ignore...)
}

// RunRecipe reads the recipe of a run.
func RunRecipe(run *artifacts.RunDir) (Recipe, error) {
	var raw json.RawMessage
	if err := run.ReadConfig(&raw); err != nil {
		return nil, err
	}
	r, err := ReadRecipe(raw)
	if err != nil {
		return nil, fmt.Errorf("tasks: %s: %w", run.Path(artifacts.ConfigName), err)
	}
	return r, nil
}

// checkConfig compares a recipe with the one that a run was started with. The error
// lists what differs.
func checkConfig(run *artifacts.RunDir, now Recipe) error {
	before, err := RunRecipe(run)
	if err != nil {
		return err
	}
	differences, err := artifacts.CompareConfigs(before, now, resumeMayChange...)
	if err != nil {
		return err
	}
	if len(differences) == 0 {
		return nil
	}
	remedy := "resume with its own, without --preset, --config and --set, or start again with --overwrite"
	if len(differences) == 1 && strings.HasPrefix(differences[0], "epochs ") {
		remedy += "; to train on with more epochs, start a new run from its weights: --init " + shell.Quote(run.Path())
	}
	return fmt.Errorf("tasks: %s was started with another configuration (%s): %s", run.Path(), strings.Join(differences, "; "), remedy)
}

// resume finds where the run stands and puts its earlier sessions before the one
// in the manifest. It writes nothing: a run that it refuses stays as it was.
func (t *run) resume(manifest *artifacts.Manifest) error {
	if err := checkConfig(t.dir, t.recipe); err != nil {
		return err
	}
	before, err := t.dir.ReadManifest()
	if err != nil {
		return err
	}
	notes, err := before.CheckResume(*manifest, t.AcceptChangedData)
	if err != nil {
		return err
	}
	if len(before.Sessions) > 0 && before.Data.Digest != manifest.Data.Digest {
		manifest.Sessions[0].DataBefore = &before.Data
		if t.data.HoldsOut() {
			notes = append(notes, "other images may be held out than before: accuracy is then measured on some that were trained on")
		}
	}
	if err := t.checkStarted(before); err != nil {
		return err
	}
	manifest.Init, t.given = before.Init, before.Init != nil
	if t.from, err = training.Resume(t.dir, t.hash, t.step, t.recipe.Common().Seed, t.session); err != nil {
		return err
	}
	if err := t.checkArchitecture(); err != nil {
		return err
	}
	for _, find := range []func() (string, error){t.logged, t.place} {
		note, err := find()
		if err != nil {
			return err
		}
		if note != "" {
			notes = append(notes, note)
		}
	}
	if err := t.profile.check(t.steps - t.from.Step); err != nil {
		return err
	}
	for _, note := range notes {
		t.note("%s", note)
	}
	if manifest.TestData.Digest == "" { // accuracy is not measured this time
		manifest.TestData = before.TestData
	}
	manifest.Sessions[0].FromStep = t.from.Step
	manifest.Sessions = append(before.Sessions, manifest.Sessions...)
	return nil
}

// checkArchitecture compares the architecture that the checkpoint names with the recipe's.
// An older checkpoint's checksum does not cover it.
func (t *run) checkArchitecture() error {
	if len(t.from.Arch) == 0 {
		return nil
	}
	var a builders.ArchitectureInfo
	if json.Unmarshal(t.from.Arch, &a) != nil {
		return fmt.Errorf("tasks: %s names no architecture: it is damaged", t.from.Path)
	}
	config, err := json.Marshal(t.recipe)
	if err != nil {
		return fmt.Errorf("tasks: %w", err)
	}
	if err := a.CheckConfig(config); err != nil {
		return fmt.Errorf("tasks: %s: %w", t.from.Path, err)
	}
	return nil
}

// logged compares the run's metrics with where it goes on. The note says what is lost. It
// looks through all of them: a damaged one is told before anything is written.
func (t *run) logged() (note string, err error) {
	for _, err := range t.dir.Metrics(artifacts.MetricsEval) {
		if err != nil {
			return "", err
		}
	}
	last := int64(0)
	for row, err := range t.dir.MetricsBackward() {
		if err != nil {
			return "", err
		}
		last = row.Step
		break
	}
	switch {
	case t.from.Path == "" && last > 0:
		return fmt.Sprintf("%s holds no checkpoint: the run begins again, and its lines in %s up to step %d are dropped",
			t.dir.Path(artifacts.CheckpointsDir), artifacts.MetricsName, last), nil
	case last < t.from.Step:
		return fmt.Sprintf("%s ends at step %d, before the checkpoint of step %d: its lines between are lost", t.dir.Path(artifacts.MetricsName), last, t.from.Step), nil
	}
	return "", nil
}

// place finds the position in the data. Where an epoch has another number of steps
// than it had, since other images were accepted, the steps done say where that is:
// the first of the epochs that they make now are over. The note says so.
func (t *run) place() (note string, err error) {
	if t.from.Step > t.steps {
		return "", fmt.Errorf("the run has done %d steps, and with these images its %d epochs have no more than %d: export it as it is by pmx export %s, or start again with --overwrite",
			t.from.Step, t.recipe.Common().Epochs, t.steps, shell.Quote(t.Dir))
	}
	was := t.from.Position
	if was == (training.Position{}) {
		return "", nil
	}
	now := training.PositionAt(t.from.Step, t.perEpoch)
	moved := was.Epoch != now.Epoch || was.Step != now.Step
	if moved {
		t.from.Averages = training.Averages{} // are of another part of the training
	}
	if moved || was.StepsPerEpoch != 0 && was.StepsPerEpoch != t.perEpoch {
		note = fmt.Sprintf("an epoch has %d steps now: after %d of %d steps the run continues in epoch %d, and its schedules go to the new end",
			t.perEpoch, t.from.Step, t.steps, now.Epoch+1)
	}
	t.from.Position = now
	return note, nil
}

// imageRemedy adds to an error of an image that cannot be read how the run continues.
// The run's digest does not cover images that are only classified: they may change. One
// that has vanished may come back as it was.
func (t *run) imageRemedy(err error) error {
	image, ok := errors.AsType[*images.ImageError](err)
	if !ok {
		return err
	}
	accept := ""
	if t.data.Covers(image.Path) && !errors.Is(err, fs.ErrNotExist) {
		accept = " --accept-changed-data"
	}
	return fmt.Errorf("%w; then continue by pmx train --resume%s %s", err, accept, shell.Quote(t.Dir))
}

// viewToResume gives a run to look at before it is resumed. A start that was interrupted
// is completed first.
func viewToResume(dir string) (*artifacts.RunDir, error) {
	run, err := artifacts.ViewRun(dir)
	if !errors.Is(err, artifacts.ErrStarting) {
		return run, err
	}
	if run, err = artifacts.OpenRun(dir); err != nil {
		return nil, err
	}
	if err := run.Close(); err != nil {
		return nil, err
	}
	return artifacts.ViewRun(dir)
}

// LastSession is the newest session of the run in a folder that is to be resumed; ok is
// false where it never came to one.
func LastSession(dir string) (s artifacts.Session, ok bool, err error) {
	run, err := viewToResume(dir)
	if err != nil {
		return s, false, err
	}
	m, err := run.ReadManifest()
	if err != nil || len(m.Sessions) == 0 {
		return s, false, err
	}
	return m.Sessions[len(m.Sessions)-1], true, nil
}
