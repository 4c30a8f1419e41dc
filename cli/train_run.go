package cli

import (
	"context"
	"encoding/json"
	"fmt"

	"pmx/artifacts"
	"pmx/training"
)

// openRun makes the run's folder, or finds where the run in it stands. What can fail
// comes first: --overwrite deletes the run that was there.
func (t *trainer) openRun(ctx context.Context) (err error) {
	manifest, err := t.manifest(ctx)
	if err != nil {
		return err
	}
	if _, err := json.Marshal(t.recipe); err != nil {
		return fmt.Errorf("the recipe cannot be written: %w", err)
	}
	path := t.c.String("out")
	if t.c.Bool("resume") {
		t.dir, err = artifacts.OpenRun(path)
	} else if err = t.session.SetState(t.step.InitialState(t.recipe.Seed)); err == nil {
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

// manifest is that of a run whose first session this is, but for its configuration.
func (t *trainer) manifest(ctx context.Context) (artifacts.Manifest, error) {
	digest, err := unlessStopped(ctx, t.data.Digest)
	if err != nil {
		return artifacts.Manifest{}, err
	}
	graph, err := t.step.Model.Digest()
	if err != nil {
		return artifacts.Manifest{}, err
	}
	session := artifacts.NewSession(0)
	session.Runtime, session.Device = t.backend.Name(), t.options.Device
	session.Kernels, session.Routine = kernelsOf(t.options), &t.routine
	if session.Library, err = t.backend.Version(t.options); err != nil {
		return artifacts.Manifest{}, err
	}
	return artifacts.Manifest{
		Method: t.recipe.Method, Seed: t.recipe.Seed, GraphHash: graph,
		Data:     artifacts.DataInfo{Name: t.data.Name(), Samples: t.data.Len(), Digest: digest},
		Sessions: []artifacts.Session{session},
	}, nil
}
