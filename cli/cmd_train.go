package cli

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"slices"

	"github.com/urfave/cli/v2"

	"pmx/artifacts"
	"pmx/internal/shell"
	"pmx/runtimes"
	"pmx/runtimes/kernels"
	"pmx/tasks"
	"pmx/training"
)

var _ = register("train", func() *cli.Command {
	return &cli.Command{
		Usage:     "train an encoder on images without labels",
		ArgsUsage: "[RUN]",
		Description: `pmx train --preset quickstart --out runs/first           on a built-in sample, minutes
pmx train --preset photos --data PHOTOS --out runs/mine  on your own images
pmx train --resume runs/mine                             continues, bit for bit
pmx train --init runs/mine --epochs 200 --out runs/more  a new run from its weights
pmx train --init dino.pth --preset photos --data PHOTOS --out runs/from-dino

Ctrl-C, SIGTERM, SIGQUIT, SIGHUP (unless under nohup) and SIGPIPE save and stop. A resumed
run keeps its recipe, and the settings of its last session unless flags name others.

Images that cannot be read are skipped and listed in RUN/skipped-images.txt. Where there
are classes and test images, kNN accuracy is measured before and after the training.

With --init and --preset, architecture and image size are those of the weights, unless
--set says another size; with neither preset nor --config, the recipe is the run's.
` + dataHint,
		Flags:  append(trainFlags(), runtimeFlags()...),
		Action: func(c *cli.Context) error { return train(c, trainRecipe) },
	}
})

// trainFlags are those of train, what most people want first.
func trainFlags() []cli.Flag {
	recipe := recipeFlags()
	return slices.Concat(recipe[:1], []cli.Flag{
		&cli.StringFlag{Name: "data", Usage: "train on these images, `SPEC`; short for --set data=SPEC"},
		&cli.StringFlag{Name: "out", Usage: "the run's folder, `RUN`"},
		&cli.BoolFlag{Name: "resume", Usage: "continue the run in RUN, which may be an argument"},
	}, recipe[1:], initFlags(), []cli.Flag{
		&cli.BoolFlag{Name: "overwrite", Usage: "delete the run in --out and start again"},
		&cli.BoolFlag{Name: "accept-changed-data", Usage: "with --resume: continue although images were repaired, added or removed"},
		onBadImageFlag(),
		&cli.IntFlag{Name: "workers", Usage: "goroutines that make views; 0 is one per core. The batches do not depend on it"},
		&cli.IntFlag{Name: "knn-every", Usage: "measure kNN accuracy every `N` epochs too"},
		&cli.IntFlag{Name: "probe-every", Usage: "measure a linear probe of the encoder every `N` epochs and after the last: 13 learning rates on the class token, 20 epochs"},
		&cli.BoolFlag{Name: "no-knn", Usage: "do not measure kNN accuracy at all"},
		&cli.IntFlag{Name: "checkpoint-every", Value: 1, Usage: "save every `N` epochs"},
		&cli.Int64Flag{Name: "checkpoint-every-steps", Usage: "save every `N` steps too"},
		&cli.IntFlag{Name: "keep", Value: 3, Usage: "checkpoints to keep"},
		&cli.BoolFlag{Name: "profile", Usage: "trace the first steps, and write where their time goes to RUN/profile.txt"},
		&cli.IntFlag{Name: "profile-steps", Value: 5, Usage: "steps that --profile looks at, after one that it leaves out"},
	})
}

// train is tasks.Run with its options from flags.
func train(c *cli.Context, recipe func(c *cli.Context, dir string, init *tasks.Init) (tasks.Recipe, error)) error {
	ctx, stop := withSignalPipe(c.Context)
	defer stop()
	if err := checkTrainFlags(c); err != nil {
		return err
	}
	if _, err := stopOnBadImage(c); err != nil {
		return err
	}
	dir, err := trainDir(c)
	if err != nil {
		return err
	}
	last, err := lastSession(c, dir)
	if err != nil {
		return err
	}
	init, err := openInit(c)
	if err != nil {
		return err
	}
	r, err := recipe(c, dir, init)
	if err != nil {
		return err
	}
	if dir == "" {
		return usageErrorf("`%s` needs --out RUN, the folder that the run is written to", c.Command.HelpName)
	}
	routine := routineOf(c, last.Routine)
	o := tasks.Options{
		Dir: dir, Resume: c.Bool("resume"), Overwrite: c.Bool("overwrite"), AcceptChangedData: c.Bool("accept-changed-data"),
		Init: init, Workers: c.Int("workers"), Routine: &routine, Out: c.App.Writer, Log: c.App.ErrWriter,
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
	if err == nil {
		nextCommands(c, dir, r)
	}
	return trainExit(c, dir, err)
}

// trainDir is the run's folder, which is an argument where it is resumed; "" if it is not
// named.
func trainDir(c *cli.Context) (string, error) {
	out, run := c.String("out"), c.Args().First()
	switch {
	case c.NArg() > 1:
		return "", usageErrorf("`%s` takes one run, got %d arguments, see `%[1]s --help`", c.Command.HelpName, c.NArg())
	case run == "":
		return out, nil
	case !c.Bool("resume"):
		return "", usageErrorf("`%s` takes %q as a run to continue, with --resume: a new run's folder is named by --out, its images by --data", c.Command.HelpName, run)
	case out != "" && filepath.Clean(out) != filepath.Clean(run):
		return "", usageErrorf("--resume %s and --out %s are two runs: name one", run, out)
	}
	return run, nil
}

// nextCommands tells what is done with a finished run.
func nextCommands(c *cli.Context, dir string, r tasks.Recipe) {
	run, flags := shell.Quote(dir), givenFlags(c, "runtime", "ort-lib", "threads")
	fmt.Fprintln(c.App.ErrWriter, "next:")
	tell := func(command, why string) { fmt.Fprintf(c.App.ErrWriter, "  %s    %s\n", command, why) }
	if _, classifier := r.(*tasks.Finetune); classifier && hasTestImages(dir) {
		tell("pmx eval classifier "+run+flags, "accuracy, every class, the confusion matrix")
	}
	if _, detector := r.(*tasks.MaskRCNN); detector {
		tell("pmx detect eval "+run+flags, "score it; --data SPEC on other pictures")
		tell("pmx detect predict "+run+" PICTURES --out found"+flags, "find objects in pictures")
	}
	if _, pretrained := r.(*tasks.Contrastive); pretrained {
		if hasTestImages(dir) {
			tell("pmx eval knn "+run+flags, "measure its features; --data SPEC on other images")
		}
		tell("pmx export "+run+" --with-preprocessing --out "+shell.Quote(filepath.Join(dir, "photo.onnx"))+flags, "an encoder that takes raw pixels")
	}
	tell("pmx inspect "+run, "what the run holds")
}

// hasTestImages reports whether a run has measured accuracy.
func hasTestImages(dir string) bool {
	run, err := artifacts.ViewRun(dir)
	if err != nil {
		return false
	}
	m, err := run.ReadManifest()
	return err == nil && m.TestData.Digest != ""
}

// givenFlags are those of the named flags that this command line has, to be said again.
func givenFlags(c *cli.Context, names ...string) string {
	text := ""
	for _, name := range names {
		if c.IsSet(name) {
			text += fmt.Sprintf(" --%s %s", name, shell.Quote(fmt.Sprint(c.Value(name))))
		}
	}
	return text
}

func checkTrainFlags(c *cli.Context) error {
	switch {
	case c.Bool("resume") && c.Bool("overwrite"):
		return usageErrorf("--resume continues a run and --overwrite deletes it: choose one")
	case c.Bool("accept-changed-data") && !c.Bool("resume"):
		return usageErrorf("--accept-changed-data goes with --resume")
	case c.Int("checkpoint-every") < 0 || c.Int64("checkpoint-every-steps") < 0 || c.Int("keep") < 1 || c.Int("knn-every") < 0 || c.Int("probe-every") < 0:
		return usageErrorf("--checkpoint-every, --checkpoint-every-steps, --knn-every and --probe-every are 0 or more, --keep 1 or more")
	case c.Bool("no-knn") && c.Int("probe-every") > 0:
		return usageErrorf("--no-knn measures no accuracy and --probe-every says when to: choose one")
	case c.Bool("no-knn") && c.Int("knn-every") > 0:
		return usageErrorf("--no-knn measures no accuracy and --knn-every says when to: choose one")
	case c.Int("workers") < 0 || c.Int("workers") > maxThreads:
		return usageErrorf("--workers %d: want 0 (one per core) to %d", c.Int("workers"), maxThreads)
	case c.Int("profile-steps") < 1 || c.IsSet("profile-steps") && !c.Bool("profile"):
		return usageErrorf("--profile-steps is 1 or more, and goes with --profile")
	}
	return nil
}

// trainRecipe takes the recipe from the flags, from the run that is resumed, or with the
// weights that a run starts from.
func trainRecipe(c *cli.Context, dir string, init *tasks.Init) (r tasks.Recipe, err error) {
	if init != nil {
		r, err = recipeFrom(c, init)
	} else if !c.Bool("resume") || c.IsSet("preset") || c.IsSet("task") || c.IsSet("config") {
		r, err = recipeOf(c)
	} else {
		var run *artifacts.RunDir
		if run, err = artifacts.ViewRun(dir); err != nil {
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
func lastSession(c *cli.Context, dir string) (artifacts.Session, error) {
	if !c.Bool("resume") {
		return artifacts.Session{}, nil
	}
	if dir == "" {
		return artifacts.Session{}, usageErrorf("--resume continues which run? Name its folder: pmx train --resume RUN")
	}
	last, _, err := tasks.LastSession(dir)
	return last, err
}

// routineOf is what the flags name, else what the run had last.
func routineOf(c *cli.Context, last *artifacts.Routine) artifacts.Routine {
	r := artifacts.Routine{
		Keep: c.Int("keep"), CheckpointEvery: c.Int("checkpoint-every"), CheckpointEverySteps: c.Int64("checkpoint-every-steps"),
		KNN: !c.Bool("no-knn"), KNNEvery: c.Int("knn-every"), ProbeEvery: c.Int("probe-every"),
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
	unlessSet(c, "probe-every", &r.ProbeEvery, last.ProbeEvery)
	if (c.Int("knn-every") > 0 || c.Int("probe-every") > 0) && !c.IsSet("no-knn") { // asks for what the run did without
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

// trainExit gives a training's error its exit code and, where it was stopped, the command
// that continues, or where images have moved, what says where they are.
func trainExit(c *cli.Context, dir string, err error) error {
	if stopped, ok := errors.AsType[*training.InterruptedError](err); ok && (stopped.Saved != "" || stopped.Step == 0) {
		return fmt.Errorf("%w; continue by pmx train --resume %s%s", err, shell.Quote(dir), givenFlags(c, "workers", "ort-lib", "threads"))
	}
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
