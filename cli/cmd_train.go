package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"github.com/urfave/cli/v2"

	"pmx/artifacts"
	"pmx/artifacts/tfevents"
	"pmx/builders"
	"pmx/export"
	"pmx/images"
	"pmx/internal/progress"
	"pmx/training"
	"pmx/training/kernels"
)

var _ = register("train", func() *cli.Command {
	return &cli.Command{
		Usage: "train an encoder on images without labels",
		Description: `pmx train --preset quickstart --out runs/first           on a built-in sample, minutes
pmx train --preset photos --data folder:photos --out runs/mine
pmx train --preset cifar-tiny --data cifar10:PATH --set epochs=50 --set warmup_epochs=5 --out runs/c10
pmx train --resume --out runs/mine                       goes on, bit for bit

A run holds config.json (the whole recipe), manifest.json (versions, digests),
metrics.jsonl, TensorBoard events, checkpoints and at the end encoder.onnx.
Ctrl-C, SIGTERM, a terminal that is closed (SIGHUP, but under nohup) and an output
that nobody reads any more (SIGPIPE) save and stop; after a crash, --resume loses at
most the steps since the last checkpoint. A resumed run needs its recipe, its
images (--data says where they lie now) and a pmx that builds the same graph. It goes
on with the runtime, the device, the kernels and the --keep, --checkpoint-every,
--checkpoint-every-steps, --no-knn and --knn-every that it had last, unless the command
names others: with another ONNX Runtime or other kernels it does so with a note, no
longer bit for bit.

An image that cannot be read stops the training, after saving. Repair or remove it
and go on as the error says. If it is one to train on, that is by
--resume --accept-changed-data: with other images than before, no longer bit for bit,
and with the steps that they make of an epoch.

--profile writes ONNX Runtime's trace of the first steps to RUN/profile.json and
where their time goes, by operator and part of the step, to RUN/profile.txt, which
it prints at the end. Then it compiles the step anew and trains on without a trace;
the numbers are the same as without --profile.

Where the images have classes and there are test images, kNN accuracy is measured
before and after the training; the classes are used for nothing else.

` + dataHelp(),
		Flags: append(append(recipeFlags(),
			&cli.StringFlag{Name: "data", Usage: "train on these images, `SPEC`; the same as --set data=SPEC"},
			&cli.StringFlag{Name: "out", Usage: "the run's folder, `RUN`", Required: true},
			&cli.BoolFlag{Name: "resume", Usage: "go on with the run in --out"},
			&cli.BoolFlag{Name: "accept-changed-data", Usage: "with --resume: go on although images were repaired, added or removed"},
			&cli.BoolFlag{Name: "overwrite", Usage: "delete the run in --out and start anew"},
			&cli.Uint64Flag{Name: "seed", Usage: "decides every random draw; the same as --set seed=N"},
			&cli.IntFlag{Name: "workers", Usage: "goroutines that make views; 0 is one per core. The batches do not depend on it"},
			&cli.IntFlag{Name: "knn-every", Usage: "measure kNN accuracy every `N` epochs too"},
			&cli.BoolFlag{Name: "no-knn", Usage: "do not measure kNN accuracy at all"},
			&cli.IntFlag{Name: "checkpoint-every", Value: 1, Usage: "save every `N` epochs"},
			&cli.Int64Flag{Name: "checkpoint-every-steps", Usage: "save every `N` steps too"},
			&cli.IntFlag{Name: "keep", Value: 3, Usage: "checkpoints to keep"},
			&cli.BoolFlag{Name: "profile", Usage: "trace the first steps of this session and say where their time goes"},
			&cli.IntFlag{Name: "profile-steps", Value: 5, Usage: "steps that --profile looks at, after one that it leaves out"},
		), runtimeFlags()...),
		Action: func(c *cli.Context) error { return (&trainer{c: c}).run(c.Context) },
	}
})

// trainer is one call of pmx train.
type trainer struct {
	c       *cli.Context
	recipe  Recipe
	images  *images.Source
	data    images.Dataset // to train on
	backend training.Runtime
	options training.Options
	// Images for kNN; nil without.
	bank, queries images.Dataset

	resumed *artifacts.RunDir // the run as it was, to look at; nil without --resume
	last    artifacts.Session // of that run; empty where there was none
	routine artifacts.Routine
	dir     *artifacts.RunDir
	step    *builders.Step
	profile *profile // nil without --profile
	session training.Session
	from    training.Resumed
	steps   int64 // of the whole training
}

// run trains from the command line to the exported encoder. What can be wrong is
// found out before anything is written.
func (t *trainer) run(ctx context.Context) (err error) {
	ctx, stop := withSignalPipe(ctx)
	defer stop()
	if t.c.Bool("profile") {
		t.profile = &profile{steps: t.c.Int("profile-steps") + 1}
		defer func() { err = errors.Join(err, t.profile.close()) }()
	}
	openData, openKNN := func() error { return t.openData(ctx) }, func() error { return t.openKNN(ctx) }
	build := func() error { return t.buildStep(ctx) }
	for _, prepare := range []func() error{t.checkFlags, t.readLast, t.readRecipe, t.openRuntime, openData, t.checkBatches, openKNN, build} {
		if err := prepare(); err != nil {
			return err
		}
	}
	defer t.session.Close()
	if err := t.openRun(ctx); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, t.dir.Close()) }()
	if err := t.train(ctx); err != nil {
		return err
	}
	return t.finish(ctx)
}

func (t *trainer) checkFlags() error {
	c := t.c
	switch {
	case c.Bool("resume") && c.Bool("overwrite"):
		return usageErrorf("--resume goes on with a run and --overwrite deletes it: choose one")
	case c.Bool("accept-changed-data") && !c.Bool("resume"):
		return usageErrorf("--accept-changed-data goes with --resume")
	case c.Int("checkpoint-every") < 0 || c.Int64("checkpoint-every-steps") < 0 || c.Int("keep") < 1 || c.Int("knn-every") < 0:
		return usageErrorf("--checkpoint-every, --checkpoint-every-steps and --knn-every are 0 or more, --keep 1 or more")
	case c.Bool("no-knn") && c.Int("knn-every") > 0:
		return usageErrorf("--no-knn measures no accuracy and --knn-every says when to: choose one")
	case c.Int("workers") < 0 || c.Int("workers") > maxThreads:
		return usageErrorf("--workers %d: want 0 (one per core) to %d", c.Int("workers"), maxThreads)
	case c.Int("profile-steps") < 1 || c.IsSet("profile-steps") && t.profile == nil:
		return usageErrorf("--profile-steps is 1 or more, and goes with --profile")
	}
	return nil
}

// readRecipe takes the recipe from the flags, or from the run that is resumed. That must
// be the run's, which is found out before its images are looked for.
func (t *trainer) readRecipe() (err error) {
	c := t.c
	if t.resumed == nil || c.IsSet("preset") || c.IsSet("config") {
		t.recipe, err = recipeOf(c)
	} else if err = t.resumed.ReadConfig(&t.recipe); err == nil {
		err = setKeys(c, &t.recipe)
	}
	if err != nil {
		return err
	}
	if c.IsSet("data") {
		t.recipe.Sources.Data = c.String("data")
	}
	if c.IsSet("seed") {
		t.recipe.Seed = c.Uint64("seed")
	}
	if err := t.recipe.Validate(); err != nil {
		return withCode(ExitUsage, err)
	}
	if t.resumed == nil {
		return nil
	}
	return t.resumed.CheckConfig(t.recipe, resumeMayChange...)
}

// openRuntime opens what the flags name; --resume goes on with what the run was
// trained by last, where they name nothing.
func (t *trainer) openRuntime() (err error) {
	name, device, choice := t.c.String("runtime"), t.c.String("device"), t.c.String("kernels")
	if !t.c.IsSet("runtime") && t.last.Runtime != "" {
		name = t.last.Runtime
	}
	if !t.c.IsSet("device") && t.last.Device != "" {
		device = t.last.Device
	}
	// Kernels that this processor lacks are others now, as CheckResume notes; those
	// of another runtime or device tell nothing about this one's.
	has := t.last.Kernels == "off" || slices.Contains(kernels.ISAs(), t.last.Kernels)
	if !t.c.IsSet("kernels") && has && name == t.last.Runtime && device == t.last.Device {
		choice = t.last.Kernels
	}
	t.backend, t.options, err = openRuntime(t.c, name, device, choice)
	return err
}

func (t *trainer) openData(ctx context.Context) (err error) {
	if t.images, err = t.recipe.source(ctx); err != nil {
		return t.moved(err)
	}
	remedy := "--set batch=N"
	if t.c.Bool("resume") {
		remedy = "name the images of the run by --data"
	}
	if t.data, err = t.recipe.trainingImages(ctx, t.images, remedy); err == nil {
		printNotes(t.c.App.ErrWriter, images.Notes(t.data))
	}
	return t.moved(err)
}

// moved adds to an error of images that are not where the run had them what says where
// they are.
func (t *trainer) moved(err error) error {
	if t.c.Bool("resume") && !t.c.IsSet("data") && errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%w: if the images have moved, --data says where to", err)
	}
	return err
}

// checkBatches finds out whether the recipe makes batches of the data.
func (t *trainer) checkBatches() error {
	perEpoch, err := t.recipe.stepsPerEpoch(t.data)
	if err != nil {
		return err
	}
	t.steps = int64(t.recipe.Epochs) * int64(perEpoch)
	return t.profile.check(t.steps)
}

func (t *trainer) buildStep(ctx context.Context) (err error) {
	if err := needTraining(t.recipe, t.options.Device); err != nil {
		return err
	}
	if t.step, err = buildStep(ctx, t.recipe); err != nil {
		return err
	}
	if t.profile != nil {
		return t.profile.open(t)
	}
	t.session, err = unlessStopped(ctx, func() (training.Session, error) { return t.backend.NewSession(t.step, t.options) })
	return err
}

func (t *trainer) train(ctx context.Context) error {
	feeder, err := newFeeder(t.recipe, t.data, t.from.Position, t.c.Int("workers"))
	if err != nil {
		return err
	}
	defer feeder.Close()
	perEpoch := feeder.StepsPerEpoch()
	hooks, err := t.hooks(ctx)
	if err != nil {
		return err
	}
	loop := &training.Loop{
		Session: t.session, Feeder: feeder, Schedules: t.recipe.schedules(perEpoch), DropPath: training.NewDropPath(t.step, t.recipe.Seed),
		Steps: t.steps, Images: t.recipe.Batch, Hooks: hooks, From: t.from,
	}
	fmt.Fprintf(t.c.App.ErrWriter, "%s on %s (%s images): %d epochs of %d steps, %s on %s\n",
		t.recipe.Method, t.data.Name(), progress.Count(int64(t.data.Len())), t.recipe.Epochs, perEpoch, t.backend.Name(), t.options.Device)
	err = loop.Run(ctx)
	if t.profile != nil {
		err = errors.Join(err, t.profile.print(t, err))
	}
	if _, diverged := errors.AsType[*training.DivergedError](err); diverged {
		return withCode(ExitDiverged, err)
	}
	return t.imageRemedy(err)
}

// hooks are the loop's, in the order that Hook asks for.
func (t *trainer) hooks(ctx context.Context) ([]training.Hook, error) {
	knn, err := t.knnHook(ctx)
	if err != nil {
		return nil, err
	}
	hash, err := training.ConfigHash(t.dir, resumeMayChange...)
	if err != nil {
		return nil, err
	}
	architecture, err := json.Marshal(builders.Architecture(t.recipe.Config))
	if err != nil {
		return nil, err
	}
	log, err := t.dir.OpenMetrics(t.from.Step)
	if err != nil {
		return nil, err
	}
	events, err := tfevents.Create(t.dir.Path(), t.from.Step)
	if err != nil {
		return nil, errors.Join(err, log.Close())
	}
	hooks := []training.Hook{
		training.NewProgressHook(t.c.App.ErrWriter), &training.MetricsHook{Log: log}, &training.TensorBoardHook{Writer: events},
	}
	if knn != nil {
		hooks = append(hooks, knn)
	}
	checkpoints := t.dir.Checkpoints()
	checkpoints.Keep = t.routine.Keep
	return append(hooks, &training.CheckpointHook{
		Checkpoints: checkpoints, EveryEpochs: t.routine.CheckpointEvery, EverySteps: t.routine.CheckpointEverySteps,
		ConfigHash: hash, Method: t.recipe.Method, Arch: architecture, Seed: t.recipe.Seed,
	}), nil
}

// finish exports the encoder and sums up.
func (t *trainer) finish(ctx context.Context) error {
	if err := t.export(ctx); err != nil {
		if ctx.Err() != nil {
			err = fmt.Errorf("%w; the training is done and saved: export its encoder by pmx export %s", err, shellQuote(t.c.String("out")))
		}
		return err
	}
	untrained, trained, measured, err := accuracies(t.dir, t.steps)
	if err != nil {
		return err
	}
	if measured {
		fmt.Fprintf(t.c.App.Writer, "kNN top-1 (k=20): untrained %.2f%%, trained %.2f%%, %+.2f points\n", untrained, trained, trained-untrained)
	}
	return nil
}

func (t *trainer) export(ctx context.Context) error {
	encoder, err := export.ReadEncoder(ctx, t.c.String("out"), "")
	if err != nil {
		return err
	}
	return exportEncoder(t.c, encoder, t.dir.Path(artifacts.EncoderName), builders.EncoderOptions{}, t.backend, t.options)
}
