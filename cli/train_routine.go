package cli

import (
	"github.com/urfave/cli/v2"

	"pmx/artifacts"
)

// readLast finds the newest session of the run that is resumed, if it came to one, and
// the routine of this session: what the flags name, else the last one's.
func (t *trainer) readLast() error {
	c := t.c
	t.routine = artifacts.Routine{
		Keep: c.Int("keep"), CheckpointEvery: c.Int("checkpoint-every"), CheckpointEverySteps: c.Int64("checkpoint-every-steps"),
		KNN: !c.Bool("no-knn"), KNNEvery: c.Int("knn-every"),
	}
	if !c.Bool("resume") {
		return nil
	}
	var err error
	if t.resumed, err = artifacts.ViewRun(c.String("out")); err != nil {
		return err
	}
	m, err := t.resumed.ReadManifest()
	if err != nil || len(m.Sessions) == 0 {
		return err
	}
	t.last = m.Sessions[len(m.Sessions)-1]
	last := t.last.Routine
	if last == nil {
		return nil
	}
	unlessSet(c, "keep", &t.routine.Keep, last.Keep)
	unlessSet(c, "checkpoint-every", &t.routine.CheckpointEvery, last.CheckpointEvery)
	unlessSet(c, "checkpoint-every-steps", &t.routine.CheckpointEverySteps, last.CheckpointEverySteps)
	unlessSet(c, "no-knn", &t.routine.KNN, last.KNN)
	unlessSet(c, "knn-every", &t.routine.KNNEvery, last.KNNEvery)
	if c.Int("knn-every") > 0 && !c.IsSet("no-knn") { // asks for what the run did without
		t.routine.KNN = true
	}
	return nil
}

// unlessSet makes a value what it was, unless the flag that gives it is set.
func unlessSet[T any](c *cli.Context, flag string, value *T, was T) {
	if !c.IsSet(flag) {
		*value = was
	}
}
