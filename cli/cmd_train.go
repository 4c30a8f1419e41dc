package cli

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"

	"github.com/urfave/cli/v2"

	"pmx/artifacts"
	"pmx/runtimes"
	"pmx/runtimes/kernels"
	"pmx/tasks"
	"pmx/training"
)

var _ = register("train", func() *cli.Command {
	return &cli.Command{
		Usage: "train an encoder on images without labels",
		Description: `pmx train --preset quickstart --out runs/first           on a built-in sample, minutes
pmx train --preset photos --data folder:photos --out runs/mine
pmx train --resume --out runs/mine                       continues, bit for bit

A run holds config.json (the whole recipe), manifest.json (versions, digests),
metrics.jsonl, TensorBoard events, checkpoints and at the end encoder.onnx.
Ctrl-C, SIGTERM, a closed terminal (SIGHUP, unless under nohup) and a closed output
(SIGPIPE) save and stop. After a crash, --resume loses at most the steps since the
last checkpoint. A resumed run keeps its recipe, and the runtime, device, kernels and
checkpoint settings of its last session unless flags name others.

Images that cannot be read are skipped, up to 20 or one in a thousand, whichever is
more, and listed in RUN/skipped-images.txt; another image takes the place of each. --on-bad-image stop stops at the first.

--profile writes ONNX Runtime's trace of the first steps to RUN/profile.json, and where
their time goes to RUN/profile.txt. The numbers are the same as without it. If the
profile fails, the run continues and warns.

Where the images have classes and there are test images, kNN accuracy is measured
before and after the training. Classes are used for nothing else.

` + dataHelp(),
		Flags: append(append(recipeFlags(),
			&cli.StringFlag{Name: "data", Usage: "train on these images, `SPEC`; short for --set data=SPEC"},
			&cli.StringFlag{Name: "out", Usage: "the run's folder, `RUN`", Required: true},
			&cli.BoolFlag{Name: "resume", Usage: "continue the run in --out"},
			&cli.BoolFlag{Name: "accept-changed-data", Usage: "with --resume: continue although images were repaired, added or removed"},
			onBadImageFlag(),
			&cli.BoolFlag{Name: "overwrite", Usage: "delete the run in --out and start again"},
			&cli.IntFlag{Name: "workers", Usage: "goroutines that make views; 0 is one per core. The batches do not depend on it"},
			&cli.IntFlag{Name: "knn-every", Usage: "measure kNN accuracy every `N` epochs too"},
			&cli.BoolFlag{Name: "no-knn", Usage: "do not measure kNN accuracy at all"},
			&cli.IntFlag{Name: "checkpoint-every", Value: 1, Usage: "save every `N` epochs"},
			&cli.Int64Flag{Name: "checkpoint-every-steps", Usage: "save every `N` steps too"},
			&cli.IntFlag{Name: "keep", Value: 3, Usage: "checkpoints to keep"},
			&cli.BoolFlag{Name: "profile", Usage: "trace the first steps of this session and say where their time goes"},
			&cli.IntFlag{Name: "profile-steps", Value: 5, Usage: "steps that --profile looks at, after one that it leaves out"},
		), runtimeFlags()...),
		Action: func(c *cli.Context) error { return train(c) },
	}
})

// train is tasks.Run with its options from flags.
func train(c *cli.Context) error {
	ctx, stop := withSignalPipe(c.Context)
	defer stop()
	if err := checkTrainFlags(c); err != nil {
		return err
	}
	if _, err := stopOnBadImage(c); err != nil {
		return err
	}
	last, err := lastSession(c)
	if err != nil {
		return err
	}
	r, err := trainRecipe(c)
	if err != nil {
		return err
	}
	routine := routineOf(c, last.Routine)
	o := tasks.Options{
		Dir: c.String("out"), Resume: c.Bool("resume"), Overwrite: c.Bool("overwrite"), AcceptChangedData: c.Bool("accept-changed-data"),
		Workers: c.Int("workers"), Routine: &routine, Out: c.App.Writer, Log: c.App.ErrWriter,
	}
	if c.Bool("profile") {
		o.ProfileSteps = c.Int("profile-steps")
	}
	if o.Runtime, o.Execution, err = lastRuntime(c, last); err != nil {
		return err
	}
	bar := &progressBar{out: c.App.ErrWriter}
	o.Progress = bar.show
	err = tasks.Run(ctx, r, o)
	bar.done()
	return trainExit(c, err)
}

func checkTrainFlags(c *cli.Context) error {
	switch {
	case c.Bool("resume") && c.Bool("overwrite"):
		return usageErrorf("--resume continues a run and --overwrite deletes it: choose one")
	case c.Bool("accept-changed-data") && !c.Bool("resume"):
		return usageErrorf("--accept-changed-data goes with --resume")
	case c.Int("checkpoint-every") < 0 || c.Int64("checkpoint-every-steps") < 0 || c.Int("keep") < 1 || c.Int("knn-every") < 0:
		return usageErrorf("--checkpoint-every, --checkpoint-every-steps and --knn-every are 0 or more, --keep 1 or more")
	case c.Bool("no-knn") && c.Int("knn-every") > 0:
		return usageErrorf("--no-knn measures no accuracy and --knn-every says when to: choose one")
	case c.Int("workers") < 0 || c.Int("workers") > maxThreads:
		return usageErrorf("--workers %d: want 0 (one per core) to %d", c.Int("workers"), maxThreads)
	case c.Int("profile-steps") < 1 || c.IsSet("profile-steps") && !c.Bool("profile"):
		return usageErrorf("--profile-steps is 1 or more, and goes with --profile")
	}
	return nil
}

// trainRecipe takes the recipe from the flags, or from the run that is resumed.
func trainRecipe(c *cli.Context) (r tasks.Recipe, err error) {
	if !c.Bool("resume") || c.IsSet("preset") || c.IsSet("task") || c.IsSet("config") {
		r, err = recipeOf(c)
	} else {
		var run *artifacts.RunDir
		if run, err = artifacts.ViewRun(c.String("out")); err != nil {
			return nil, err
		}
		if r, err = tasks.RunRecipe(run); err == nil {
			err = setKeys(c, r)
		}
	}
	if err != nil {
		return nil, err
	}
	if c.IsSet("data") {
		r.Common().Data = c.String("data")
	}
	return r, nil
}

// lastSession is the newest session of the run that is resumed; empty without one.
func lastSession(c *cli.Context) (artifacts.Session, error) {
	if !c.Bool("resume") {
		return artifacts.Session{}, nil
	}
	last, _, err := tasks.LastSession(c.String("out"))
	return last, err
}

// routineOf is what the flags name, else what the run had last.
func routineOf(c *cli.Context, last *artifacts.Routine) artifacts.Routine {
	r := artifacts.Routine{
		Keep: c.Int("keep"), CheckpointEvery: c.Int("checkpoint-every"), CheckpointEverySteps: c.Int64("checkpoint-every-steps"),
		KNN: !c.Bool("no-knn"), KNNEvery: c.Int("knn-every"),
	}
	r.StopOnBadImage, _ = stopOnBadImage(c) // checked before
	if last == nil {
		return r
	}
	unlessSet(c, "on-bad-image", &r.StopOnBadImage, last.StopOnBadImage)
	unlessSet(c, "keep", &r.Keep, last.Keep)
	unlessSet(c, "checkpoint-every", &r.CheckpointEvery, last.CheckpointEvery)
	unlessSet(c, "checkpoint-every-steps", &r.CheckpointEverySteps, last.CheckpointEverySteps)
	unlessSet(c, "no-knn", &r.KNN, last.KNN)
	unlessSet(c, "knn-every", &r.KNNEvery, last.KNNEvery)
	if c.Int("knn-every") > 0 && !c.IsSet("no-knn") { // asks for what the run did without
		r.KNN = true
	}
	return r
}

// unlessSet makes a value what it was, unless the flag that gives it is set.
func unlessSet[T any](c *cli.Context, flag string, value *T, was T) {
	if !c.IsSet(flag) {
		*value = was
	}
}

// lastRuntime opens what the flags name; a resumed run continues with what trained it
// last, where they name nothing.
func lastRuntime(c *cli.Context, last artifacts.Session) (backend runtimes.Runtime, o runtimes.Options, err error) {
	name, device, choice := c.String("runtime"), c.String("device"), c.String("kernels")
	if !c.IsSet("runtime") && last.Runtime != "" {
		name = last.Runtime
	}
	if !c.IsSet("device") && last.Device != "" {
		device = last.Device
	}
	// Kernels that this processor lacks are others now, as CheckResume notes; those
	// of another runtime or device tell nothing about this one's.
	has := last.Kernels == "off" || slices.Contains(kernels.ISAs(), last.Kernels)
	if !c.IsSet("kernels") && has && name == last.Runtime && device == last.Device {
		choice = last.Kernels
	}
	return openRuntime(c, name, device, choice)
}

// trainExit gives a training's error its exit code and, where images have moved, what
// says where they are.
func trainExit(c *cli.Context, err error) error {
	if _, diverged := errors.AsType[*training.DivergedError](err); diverged {
		return withCode(ExitDiverged, err)
	}
	_, begun := errors.AsType[*training.FailedError](err)
	if c.Bool("resume") && !c.IsSet("data") && !begun && errors.Is(err, fs.ErrNotExist) {
		err = fmt.Errorf("%w: if the images have moved, --data says where to", err)
	}
	return recipeExit(err)
}

// progressBar shows the long work of a command, one piece after the other.
type progressBar struct {
	out  io.Writer
	line *progressLine
}

// show says how far a piece of work is.
func (b *progressBar) show(what string, done, total int64) {
	if b.line == nil || b.line.what != what {
		b.done()
		b.line = newProgress(b.out, what, total)
	}
	b.line.update(done)
}

// done takes the line away.
func (b *progressBar) done() {
	if b.line != nil {
		b.line.done()
		b.line = nil
	}
}
