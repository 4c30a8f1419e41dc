package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"

	"pmx/artifacts"
	"pmx/images"
	"pmx/patchmix"
	"pmx/training"
)

// resumeMayChange lists the keys of a recipe that --resume takes anew: where the
// images lie may change, their digest does not.
var resumeMayChange = []string{"data"}

// resume finds where the run stands and puts its earlier sessions before the one
// in the manifest. It writes nothing: a run that it refuses stays as it was.
func (t *trainer) resume(manifest *artifacts.Manifest) error {
	if err := t.dir.CheckConfig(t.recipe, resumeMayChange...); err != nil {
		return err
	}
	before, err := t.dir.ReadManifest()
	if err != nil {
		return err
	}
	notes, err := before.CheckResume(*manifest, t.c.Bool("accept-changed-data"))
	if err != nil {
		return err
	}
	if len(before.Sessions) > 0 && before.Data.Digest != manifest.Data.Digest {
		manifest.Sessions[0].DataBefore = &before.Data
		if t.images.HoldsOut() {
			notes = append(notes, "other images may be held out than before: accuracy is then measured on some that were trained on")
		}
	}
	if t.from, err = training.Resume(t.dir, t.recipe, t.step, t.recipe.Seed, t.session, resumeMayChange...); err != nil {
		return err
	}
	note, err := t.logged()
	if err != nil {
		return err
	}
	if note != "" {
		notes = append(notes, note)
	}
	if err := t.profile.check(t.steps - t.from.Step); err != nil {
		return err
	}
	if note, err = t.place(); err != nil {
		return err
	}
	if note != "" {
		notes = append(notes, note)
	}
	for _, note := range notes {
		fmt.Fprintln(t.c.App.ErrWriter, "note:", note)
	}
	if manifest.TestData.Digest == "" { // accuracy is not measured this time
		manifest.TestData = before.TestData
	}
	manifest.Sessions[0].FromStep = t.from.Step
	manifest.Sessions = append(before.Sessions, manifest.Sessions...)
	return nil
}

// logged compares the run's metrics with where it goes on. The note says what is lost.
func (t *trainer) logged() (note string, err error) {
	lines, err := t.dir.ReadMetrics()
	if err != nil {
		return "", err
	}
	last := int64(0)
	if n := len(lines); n > 0 {
		last = lines[n-1].Step
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
func (t *trainer) place() (note string, err error) {
	perEpoch := t.steps / int64(t.recipe.Epochs)
	if t.from.Step > t.steps {
		return "", fmt.Errorf("the run has done %d steps, and with these images its %d epochs have no more than %d: export it as it is by pmx export %s, or start anew with --overwrite",
			t.from.Step, t.recipe.Epochs, t.steps, shellQuote(t.c.String("out")))
	}
	if t.from.Position == nil {
		return "", nil
	}
	var p feederPosition
	if err := json.Unmarshal(t.from.Position, &p); err != nil {
		return "", fmt.Errorf("the checkpoint's position in the data: %w", err)
	}
	now := patchmix.Position{Epoch: int(t.from.Step / perEpoch), Step: int(t.from.Step % perEpoch)}
	if p.Position != now {
		t.from.Averages = training.Averages{} // are of another part of the training
	}
	if p.Position != now || p.StepsPerEpoch != 0 && int64(p.StepsPerEpoch) != perEpoch {
		note = fmt.Sprintf("an epoch has %d steps now: after %d of %d steps the run goes on in epoch %d, and its schedules go to the new end",
			perEpoch, t.from.Step, t.steps, now.Epoch+1)
	}
	t.from.Position, err = json.Marshal(feederPosition{now, int(perEpoch)})
	return note, err
}

// imageRemedy adds to an error of an image that cannot be read how the run goes on.
// The run's digest does not cover images that are only classified: they may change. One
// that has vanished may come back as it was.
func (t *trainer) imageRemedy(err error) error {
	image, ok := errors.AsType[*images.ImageError](err)
	if !ok {
		return err
	}
	accept := ""
	if images.DigestCovers(t.data, image.Path) && !errors.Is(err, fs.ErrNotExist) {
		accept = " --accept-changed-data"
	}
	return fmt.Errorf("%w; then go on by pmx train --resume%s --out %s", err, accept, shellQuote(t.c.String("out")))
}
