package training

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"pmx/runtimes"
)

// Loop trains: it takes a batch from the Feeder, runs a step of the Session with
// the Schedules' numbers, calls the Hooks, and so on until Steps are done:
//
//	for each hook: Start
//	for step < Steps:
//	    feeder.Next, schedules
//	    session.Step
//	    for each hook: Step
//	for each hook, last first: End
type Loop struct {
	Session   runtimes.Session
	Feeder    Feeder
	Schedules Schedules
	Steps     int64 // to have done at the end, those before a resume included
	Images    int   // that one step sees
	Hooks     []Hook
	// From is where Resume found the run; its zero value starts at step 0.
	From Resumed

	place
	before place // the last step
}

// place is how far a loop is.
type place struct {
	step     int64
	position Position // of the Feeder, behind the batch of the last step
	averages Averages
	timing   timing
}

// Resumed is what a checkpoint says about the loop that wrote it.
type Resumed struct {
	Step     int64    // steps done
	Position Position // of the Feeder
	Averages Averages // of the epoch that was not over
	Path     string   // of the checkpoint; "" if there was none
	// Arch is the architecture that the checkpoint names; empty if it names none.
	Arch json.RawMessage
}

// DivergedError ends a training whose loss or another metric is not a finite
// number. The session's state is the one before that step.
type DivergedError struct {
	Step    int64 // the offending one, counted from 1
	Metric  string
	Value   float64
	Metrics map[string]float64
	// Kept is the path of the newest checkpoint, which is of an earlier step; ""
	// if there is none.
	Kept string
}

func (e *DivergedError) Error() string {
	kept := "there was no checkpoint yet"
	if e.Kept != "" {
		kept = "the last good checkpoint is kept: " + e.Kept
	}
	return fmt.Sprintf("training: %s is %v at step %d, which was taken back; %s: start again with a lower base_lr, more warmup_epochs or clip_grad", e.Metric, e.Value, e.Step, kept)
}

// InterruptedError ends a training whose context was done. It wraps the cause.
type InterruptedError struct {
	Step int64 // steps done
	// Saved is the path of the checkpoint of that step; "" if none was written.
	Saved string
	Cause error
}

func (e *InterruptedError) Error() string {
	saved := "nothing was saved"
	if e.Saved != "" {
		saved = "saved " + e.Saved
	}
	return fmt.Sprintf("training: stopped after step %d (%v); %s", e.Step, e.Cause, saved)
}

func (e *InterruptedError) Unwrap() error { return e.Cause }

// FailedError ends a training that anything else went wrong with: a batch that
// could not be made, a step, a hook. It wraps the cause.
type FailedError struct {
	Step int64 // steps done
	// Kept is the path of the newest checkpoint, of that step unless saving it is
	// what failed; "" if there is none.
	Kept  string
	Cause error
}

func (e *FailedError) Error() string {
	if e.Kept == "" {
		return fmt.Sprintf("training: %v", e.Cause)
	}
	return fmt.Sprintf("training: %v; stopped after step %d, the newest checkpoint is %s", e.Cause, e.Step, e.Kept)
}

func (e *FailedError) Unwrap() error { return e.Cause }

// Run trains until Steps are done, ctx is done or something fails. A step that
// has begun is finished before ctx is looked at. The error is an
// *InterruptedError, a *DivergedError or a *FailedError with what the session, the
// feeder or a hook returned; whatever it is, the session holds the state after Done steps.
// A step is done once all hooks have taken it: if one fails, the step is taken back, since
// a state that is saved is not logged again.
func (l *Loop) Run(ctx context.Context) error {
	if l.Feeder.StepsPerEpoch() < 1 {
		return errors.New("training: the data has fewer images than one batch: choose a smaller batch")
	}
	if l.From.Step > l.Steps {
		return fmt.Errorf("training: the run has done %d steps already, asked for are %d in all", l.From.Step, l.Steps)
	}
	l.place = place{step: l.From.Step, position: l.From.Position, averages: l.From.Averages.clone()}

	started, err := l.startHooks(ctx)
	if err == nil {
		err = l.train(ctx)
	}
	return l.endHooks(context.WithoutCancel(ctx), started, l.orFailed(err))
}

// orFailed is err as one of the three errors that end a training.
func (l *Loop) orFailed(err error) error {
	_, interrupted := errors.AsType[*InterruptedError](err)
	_, diverged := errors.AsType[*DivergedError](err)
	if err == nil || interrupted || diverged {
		return err
	}
	return &FailedError{Step: l.step, Cause: err}
}

// Done is the number of steps done.
func (l *Loop) Done() int64 { return l.step }

// Epochs is the number of epochs that Steps make; the last may be a part.
func (l *Loop) Epochs() int {
	n := int64(l.Feeder.StepsPerEpoch())
	return int((l.Steps + n - 1) / n)
}

// Record hands numbers measured after the current step to every Recorder.
func (l *Loop) Record(values map[string]float64) error {
	for _, h := range l.Hooks {
		if r, ok := h.(Recorder); ok {
			if err := r.Record(l.step, values); err != nil {
				return err
			}
		}
	}
	return nil
}

// Progress tells every Watcher how far long work between steps has come.
func (l *Loop) Progress(what string, done, total int64) {
	for _, h := range l.Hooks {
		if w, ok := h.(Watcher); ok {
			w.Progress(what, done, total)
		}
	}
}

// Flush makes every Flusher write what it holds.
func (l *Loop) Flush() error {
	for _, h := range l.Hooks {
		if f, ok := h.(Flusher); ok {
			if err := f.Flush(); err != nil {
				return err
			}
		}
	}
	return nil
}

func (l *Loop) startHooks(ctx context.Context) (started []Hook, err error) {
	for _, h := range l.Hooks {
		if err := h.Start(ctx, l); err != nil {
			return started, l.orInterrupted(ctx, err)
		}
		started = append(started, h)
	}
	return started, nil
}

func (l *Loop) endHooks(ctx context.Context, hooks []Hook, cause error) error {
	var failed error
	for _, h := range slices.Backward(hooks) {
		if err := h.End(ctx, l, cause); err != nil && failed == nil {
			failed = err
		}
	}
	switch {
	case failed == nil:
		return cause
	case cause == nil:
		return failed
	}
	return fmt.Errorf("%w; then %w", cause, failed)
}

func (l *Loop) train(ctx context.Context) error {
	for l.step < l.Steps {
		if err := ctx.Err(); err != nil {
			return l.orInterrupted(ctx, err)
		}
		report, err := l.takeStep(ctx)
		if err != nil {
			return l.orInterrupted(ctx, err)
		}
		for _, h := range l.Hooks {
			if err := h.Step(ctx, l, report); err != nil {
				return l.takeBack(l.orInterrupted(ctx, err))
			}
		}
	}
	return nil
}

// takeBack undoes the step in which a hook failed with err. An interruption leaves it: what
// the hook was measuring is measured on resume.
func (l *Loop) takeBack(err error) error {
	if _, interrupted := errors.AsType[*InterruptedError](err); interrupted {
		return err
	}
	if undo := l.Session.Undo(); undo != nil {
		return fmt.Errorf("%w; then %w: %w", err, errNotTakenBack, undo)
	}
	l.place = l.before
	return err
}

// errNotTakenBack is in the error of a loop whose last step some hooks have not taken: its
// state is not to be saved.
var errNotTakenBack = errors.New("the step could not be taken back")

// orInterrupted is err, or an *InterruptedError if err comes of ctx being done.
func (l *Loop) orInterrupted(ctx context.Context, err error) error {
	if ctx.Err() == nil || !errors.Is(err, ctx.Err()) && !errors.Is(err, context.Cause(ctx)) {
		return err
	}
	stopped := &InterruptedError{Step: l.step, Cause: context.Cause(ctx)}
	if l.step == l.From.Step {
		stopped.Saved = l.From.Path // a checkpoint hook that has not started does not say so
	}
	return stopped
}

// takeStep runs one step. After an error, the session and the loop are as before.
func (l *Loop) takeStep(ctx context.Context) (*StepReport, error) {
	begin := time.Now()
	feeds, release, err := l.Feeder.Next(ctx)
	if err != nil {
		return nil, err
	}
	defer release()
	// Noted now, used once the step is done: a batch whose step failed comes again on resume.
	position := l.Feeder.Position()
	ready := time.Now()
	hyper := l.Schedules.At(l.step)
	metrics, err := l.Session.Step(ctx, feeds, hyper)
	if err != nil {
		return nil, fmt.Errorf("training: step %d: %w", l.step+1, err)
	}
	if name := notFinite(metrics); name != "" {
		diverged := &DivergedError{Step: l.step + 1, Metric: name, Value: metrics[name], Metrics: metrics}
		if err := l.Session.Undo(); err != nil {
			return nil, fmt.Errorf("%w; then %w", diverged, err)
		}
		return nil, diverged
	}
	l.before = l.place
	l.before.averages = l.averages.clone()
	l.step++
	l.position = position
	report := &StepReport{Step: l.step, Metrics: metrics, Hyper: hyper, Wait: ready.Sub(begin), Compute: time.Since(ready), Images: l.Images}
	l.averages.add(metrics)
	l.timing.add(report)
	perEpoch := int64(l.Feeder.StepsPerEpoch())
	whole := l.step%perEpoch == 0
	if whole || l.step == l.Steps {
		report.Epoch = &EpochReport{
			Epoch: int((l.step + perEpoch - 1) / perEpoch), Steps: l.averages.Steps, Means: l.averages.means(),
			Time: l.timing.total(), ImagesPerSecond: l.timing.imagesPerSecond(), WaitShare: l.timing.waitShare(),
		}
		report.Epoch.Wait, report.Epoch.Compute = l.timing.perStep()
	}
	if whole {
		l.averages, l.timing = Averages{}, timing{}
	}
	return report, nil
}
