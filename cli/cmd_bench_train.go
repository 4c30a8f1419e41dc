package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"runtime"
	"time"

	"github.com/urfave/cli/v2"

	"pmx/internal/cancel"
	"pmx/runtimes"
	"pmx/tasks"
	"pmx/training"
)

var _ = register("bench train", func() *cli.Command {
	return &cli.Command{
		Usage: "time a run end to end: steps, fed by the loader",
		Description: `pmx bench train --preset cifar-tiny --set patch_size=4 --set batch=64
pmx bench train --preset imagenet-small --set batch=8 --set local_crops=0 --data folder:photos --json

Trains for some steps as pmx train does, with the views, the mixing and the batches
made ahead, and times them by the clock, waiting for data included. images_per_s is
over all of that time, wait_share the part of it that is spent waiting. The images
are the recipe's, or --data, or else the built-in ones of 28 pixels, which the views
scale to the recipe's size: there is nothing to decode in those. Nothing is written.

bench step --against train compares with the step alone.`,
		Flags: append(append(recipeFlags(), runtimeFlags()...),
			&cli.StringFlag{Name: "data", Usage: "feed these images, `SPEC`, see `pmx train --help`"},
			&cli.IntFlag{Name: "workers", Usage: "goroutines that make views; 0 is one per core"},
			&cli.IntFlag{Name: "steps", Value: 10, Usage: "steps to time"},
			&cli.IntFlag{Name: "warmup", Value: 3, Usage: "steps before that"},
			&cli.BoolFlag{Name: "json", Usage: "end with a line of JSON"},
		),
		Action: benchTrain,
	}
})

// trainTiming is the result of bench train: a stepTiming whose steps begin where
// the one before ended.
type trainTiming struct {
	stepTiming
	WaitShare float64 `json:"wait_share"`
	Data      string  `json:"data"`
	Workers   int     `json:"workers"`
}

func benchTrain(c *cli.Context) error {
	steps, warmup, workers := c.Int("steps"), c.Int("warmup"), c.Int("workers")
	if steps < 1 || warmup < 0 || workers < 0 || workers > maxThreads {
		return usageErrorf("--steps %d --warmup %d --workers %d: want at least 1, at least 0 and 0 to %d", steps, warmup, workers, maxThreads)
	}
	r, err := recipeOf(c)
	if err != nil {
		return err
	}
	if c.IsSet("data") {
		r.Common().Data = c.String("data")
	}
	withImages(r)
	if err := tasks.Check(r); err != nil {
		return withCode(ExitUsage, err)
	}
	backend, options, err := runtimeOf(c)
	if err != nil {
		return err
	}
	data, err := r.Open(c.Context, tasks.OpenOptions{Remedy: "--set batch=N"})
	if err != nil {
		return recipeExit(err)
	}
	result := trainTiming{stepTiming: stepTiming{Steps: steps, Warmup: warmup}, Data: data.Name()}
	if err := tasks.NeedTraining(r, options.Device); err != nil {
		return err
	}
	// Nothing is to be saved: a step that is under way need not end.
	if err := cancel.UnlessDo(c.Context, func() error { return result.time(c.Context, backend, options, r, data, workers) }); err != nil {
		return err
	}
	fmt.Fprintf(c.App.Writer, "%s on %s, fed with %s by %d workers, %d threads: %.1f ms a step (median %.1f, best %.1f, worst %.1f of %d), %.1f images/s, %.1f%% of the time waiting for data, %d MiB at most\n",
		r.TaskName(), result.Runtime, result.Data, result.Workers, result.Threads, result.MeanMS, result.MedianMS, result.BestMS, result.WorstMS, steps,
		result.ImagesPerS, 100*result.WaitShare, result.PeakMiB)
	if !c.Bool("json") {
		return nil
	}
	return printJSON(c.App.Writer, result)
}

// time trains for a while.
func (t *trainTiming) time(ctx context.Context, backend runtimes.Runtime, options runtimes.Options, r tasks.Recipe, data tasks.Data, workers int) error {
	feeder, err := data.Feeder(training.Position{}, workers)
	if err != nil {
		return withCode(ExitUsage, err)
	}
	defer feeder.Close()
	t.Workers = cmp.Or(workers, runtime.GOMAXPROCS(0))
	_, session, err := t.open(backend, options, r)
	if err != nil {
		return err
	}
	defer session.Close()
	return t.measure(ctx, &training.Loop{
		Session: session, Feeder: feeder, Schedules: r.Schedules(feeder.StepsPerEpoch()),
		Steps: int64(t.Warmup + t.Steps), Images: r.BatchSize(),
	})
}

// measure runs the loop.
func (t *trainTiming) measure(ctx context.Context, loop *training.Loop) error {
	watch := &stopwatch{skip: int64(t.Warmup)}
	loop.Hooks = append(loop.Hooks, watch)
	err := loop.Run(ctx)
	if stopped, ok := errors.AsType[*training.InterruptedError](err); ok {
		return stopped.Cause // what it says of the steps done is of no use here
	}
	if _, diverged := errors.AsType[*training.DivergedError](err); diverged {
		return withCode(ExitDiverged, err)
	}
	if err != nil {
		return err
	}
	t.sum(watch.times)
	t.FinalLoss = watch.loss
	t.ImagesPerS = float64(t.Batch) / t.MeanMS * 1e3
	t.WaitShare = watch.wait.Seconds() * 1e3 / (t.MeanMS * float64(t.Steps))
	return nil
}

// stopwatch is a hook that times the steps behind the first skip, each from the
// end of the one before.
type stopwatch struct {
	training.NoHook
	skip  int64
	last  time.Time
	times []float64     // in milliseconds
	wait  time.Duration // for data, in all of them
	loss  float64       // of the last step
}

// Start begins to time.
func (w *stopwatch) Start(context.Context, *training.Loop) error {
	w.last = time.Now()
	return nil
}

// Step notes the time of a step.
func (w *stopwatch) Step(_ context.Context, _ *training.Loop, r *training.StepReport) error {
	now := time.Now()
	if r.Step > w.skip {
		w.times = append(w.times, now.Sub(w.last).Seconds()*1e3)
		w.wait += r.Wait
	}
	w.last, w.loss = now, r.Metrics["loss"]
	return nil
}
