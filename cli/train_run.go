package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"unicode/utf8"

	"pmx/artifacts"
	"pmx/export"
	"pmx/images"
	"pmx/training"
)

// openRun makes the run's folder, or finds where the run in it stands. What can fail
// comes first: --overwrite deletes the run that was there.
func (t *trainer) openRun(ctx context.Context) (err error) {
	manifest, err := t.manifest(ctx)
	if err != nil {
		return err
	}
	if t.recipe.Sources.Data, err = images.AbsSpec(t.recipe.Sources.Data); err != nil { // found from every folder
		return err
	}
	if !utf8.ValidString(t.recipe.Sources.Data) {
		return usageErrorf("--data %q: %s cannot hold a path that is not UTF-8: rename the folder, or name a link to it", t.recipe.Sources.Data, artifacts.ConfigName)
	}
	if _, err := json.Marshal(t.recipe); err != nil {
		return fmt.Errorf("the recipe cannot be written: %w", err)
	}
	path := t.c.String("out")
	if err := export.CheckOutputs(filepath.Join(path, artifacts.EncoderName)); err != nil { // now, not when the training is done
		return err
	}
	if t.c.Bool("resume") {
		t.dir, err = artifacts.OpenRun(path)
	} else if err = t.begin(ctx); err == nil {
		t.dir, err = artifacts.CreateRun(path, t.c.Bool("overwrite"))
	}
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			t.dir.Close()
		}
	}()
	if t.c.Bool("resume") {
		if err := t.resume(&manifest); err != nil {
			return err
		}
	}
	// On resume too: what may change is remembered.
	if err := t.dir.WriteConfig(t.recipe); err != nil {
		return err
	}
	if manifest.ConfigHash, err = training.ConfigHash(t.dir, resumeMayChange...); err != nil {
		return err
	}
	return t.dir.WriteManifest(manifest)
}

// begin gives the session the state that training starts from.
func (t *trainer) begin(ctx context.Context) error {
	state, err := initialState(ctx, t.step, t.recipe.Seed)
	if err != nil {
		return err
	}
	return t.session.SetState(state)
}

// manifest is that of a run whose first session this is, but for its configuration.
func (t *trainer) manifest(ctx context.Context) (m artifacts.Manifest, err error) {
	m = artifacts.Manifest{Method: t.recipe.Method, Seed: t.recipe.Seed}
	if m.Data, err = dataInfo(ctx, t.data); err != nil {
		return m, err
	}
	if t.queries != nil {
		if m.TestData, err = dataInfo(ctx, t.queries); err != nil {
			return m, err
		}
	}
	if m.GraphHash, err = t.step.Model.Digest(); err != nil {
		return m, err
	}
	session := artifacts.NewSession(0)
	session.Runtime, session.Device = t.backend.Name(), t.options.Device
	session.Kernels, session.Routine = kernelsOf(t.options), &t.routine
	if session.Library, err = t.backend.Version(t.options); err != nil {
		return m, err
	}
	m.Sessions = []artifacts.Session{session}
	return m, nil
}

// dataInfo identifies a data set, whose digest may take a while.
func dataInfo(ctx context.Context, d images.Dataset) (artifacts.DataInfo, error) {
	digest, err := unlessStopped(ctx, d.Digest)
	return artifacts.DataInfo{Name: d.Name(), Samples: d.Len(), Digest: digest}, err
}
