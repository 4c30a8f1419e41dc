package training

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"

	"pmx/internal/memory"
	"pmx/internal/progress"
)

// ProgressHook tells people how the training goes: a line per epoch and per
// recorded number, and between them a bar with loss, rate, the time of a step and
// that of waiting for its batch, and time left, or, where there is no terminal,
// such a line now and then. While another hook works for long, it shows that.
type ProgressHook struct {
	NoHook
	Out io.Writer
	// Bar draws a bar; Out must be a terminal then.
	Bar bool
	// Every is the least time between plain lines; 0 is progress.PlainEvery.
	Every time.Duration

	progress *mpb.Progress
	bar      *mpb.Bar
	status   atomic.Pointer[string] // read by the bar's goroutine
	started  time.Time
	first    time.Time // when the session's first step was done
	printed  time.Time // when the last plain line was
	recent   recent
	training string // the status of the last step, to come back to after work
	work     work
}

// work is what another hook does.
type work struct {
	what    string
	started time.Time
}

// NewProgressHook draws a bar if out is a terminal that knows its width.
func NewProgressHook(out io.Writer) *ProgressHook {
	return &ProgressHook{Out: out, Bar: progress.TerminalWidth(out) > 0}
}

// Start draws the empty bar.
func (h *ProgressHook) Start(_ context.Context, l *Loop) error {
	h.started, h.first = time.Time{}, time.Time{} // what comes before the first step does not count
	h.printed = time.Now()
	h.recent, h.training, h.work = recent{}, "", work{}
	if l.Done() > 0 {
		h.println(fmt.Sprintf("resumed after step %d/%d: %s", l.Done(), l.Steps, l.From.Path))
	}
	if !h.Bar {
		return nil
	}
	h.setStatus("")
	h.progress = mpb.New(mpb.WithOutput(h.Out), mpb.WithAutoRefresh(), mpb.WithRefreshRate(200*time.Millisecond))
	// A bar made with its total completes by itself, and lines printed after that
	// are lost: the last epoch's, an evaluation's.
	h.bar = h.progress.AddBar(0,
		mpb.PrependDecorators(decor.CountersNoUnit("step %d/%d ")),
		mpb.AppendDecorators(decor.Any(func(decor.Statistics) string { return *h.status.Load() })),
	)
	h.bar.SetTotal(l.Steps, false)
	h.bar.SetCurrent(l.Done())
	return nil
}

// Step moves the bar.
func (h *ProgressHook) Step(_ context.Context, l *Loop, r *StepReport) error {
	h.recent.add(r)
	if h.started.IsZero() {
		h.started = time.Now().Add(-r.Wait - r.Compute)
	}
	h.forecast(l)
	left := h.timeLeft(l)
	rate, compute, wait := h.recent.speed()
	if h.bar != nil {
		// Beside its counter this fits in 80 columns, so long as it has no more digits.
		h.training = fmt.Sprintf(" loss %.3f  %s images/s  step %s  wait %s  %v left",
			r.Metrics["loss"], progress.Rate(rate), progress.Duration(compute), progress.Duration(wait), left)
		h.setStatus(h.training)
		h.bar.SetCurrent(r.Step)
	}
	switch now := time.Now(); {
	case r.Epoch != nil:
		h.println(epochLine(l, r))
		h.printed = now
	case h.bar == nil && now.Sub(h.printed) >= h.every():
		h.println(fmt.Sprintf("step %d/%d  loss %.4f  %s  %v left", r.Step, l.Steps, r.Metrics["loss"], speed(rate, compute, wait), left))
		h.printed = now
	}
	return nil
}

// The forecast of a session's time follows its third step, since the first is slower than
// the others, unless the session is over before it is of use.
const (
	forecastAfter = 3
	forecastFrom  = time.Minute
)

// forecast tells once how long the session takes, and the memory that it has taken.
func (h *ProgressHook) forecast(l *Loop) {
	done := l.Done() - l.From.Step
	if done == 1 {
		h.first = time.Now()
	}
	if done != forecastAfter {
		return
	}
	perStep := time.Since(h.first) / (forecastAfter - 1)
	left := time.Duration(l.Steps-l.Done()) * perStep
	if left < forecastFrom {
		return
	}
	line := fmt.Sprintf("the first steps took %s each: about %v for the %s that are left", progress.Duration(perStep), left.Round(time.Second), progress.Count(l.Steps-l.Done()))
	if peak := memory.Peak(); peak > 0 {
		line += fmt.Sprintf("; %s of memory so far", memory.Human(peak))
	}
	h.println(line)
}

// Progress shows another hook's work in the bar's line, or now and then in one of
// its own.
func (h *ProgressHook) Progress(what string, done, total int64) {
	now := time.Now()
	if h.work.what != what {
		h.work = work{what, now}
	}
	line := progress.Line(what, done, total, now.Sub(h.work.started))
	over := done >= total
	switch {
	case over:
		h.work = work{}
		h.setStatus(h.training)
	case h.bar != nil:
		h.setStatus(" " + line)
	case now.Sub(h.printed) >= h.every():
		h.println(line)
		h.printed = now
	}
}

// Record prints numbers that another hook measured.
func (h *ProgressHook) Record(step int64, values map[string]float64) error {
	line := fmt.Sprintf("step %d", step)
	for _, name := range slices.Sorted(maps.Keys(values)) {
		line += fmt.Sprintf("  %s %.4g", name, values[name])
	}
	h.println(line)
	return nil
}

// End leaves the bar as it is.
func (h *ProgressHook) End(context.Context, *Loop, error) error {
	if h.bar != nil {
		h.bar.Abort(false) // leaves it as it is
		h.progress.Wait()
		h.bar, h.progress = nil, nil
	}
	return nil
}

// println prints above the bar. What cannot be shown does not stop a training.
func (h *ProgressHook) println(line string) {
	out := h.Out
	if h.progress != nil {
		out = h.progress
	}
	fmt.Fprintln(out, line)
}

func (h *ProgressHook) every() time.Duration { return cmp.Or(h.Every, progress.PlainEvery) }

func (h *ProgressHook) setStatus(s string) { h.status.Store(&s) }

// timeLeft goes by the clock since the first step, evaluations and checkpoints included.
func (h *ProgressHook) timeLeft(l *Loop) time.Duration {
	perStep := float64(time.Since(h.started)) / float64(l.Done()-l.From.Step)
	return time.Duration(perStep * float64(l.Steps-l.Done())).Round(time.Second)
}

func epochLine(l *Loop, r *StepReport) string {
	e := r.Epoch
	var b strings.Builder
	fmt.Fprintf(&b, "epoch %d/%d  step %d/%d", e.Epoch, l.Epochs(), r.Step, l.Steps)
	fmt.Fprintf(&b, "  loss %.4f", e.Means["loss"])
	if norm, ok := e.Means["grad_norm"]; ok {
		fmt.Fprintf(&b, "  grad_norm %.3g", norm)
	}
	if lr, ok := r.Hyper["lr"]; ok {
		fmt.Fprintf(&b, "  lr %.3g", lr)
	}
	fmt.Fprintf(&b, "  %s  %v", speed(e.ImagesPerSecond, e.Compute, e.Wait), e.Time.Round(100*time.Millisecond))
	return b.String()
}

// speed words a rate, and what one step takes: of the session, and for its batch.
func speed(imagesPerSecond float64, compute, wait time.Duration) string {
	share := float64(wait) / float64(max(wait+compute, 1))
	return fmt.Sprintf("%s images/s  step %s  data wait %s (%.0f%%)",
		progress.Rate(imagesPerSecond), progress.Duration(compute), progress.Duration(wait), 100*share)
}

// recent is the timing of the last steps, older ones fading out.
type recent struct{ steps, images, wait, compute float64 }

// fade is the weight that a step loses with each later one: the last 20 count most.
const fade = 0.95

func (c *recent) add(r *StepReport) {
	c.steps = fade*c.steps + 1
	c.images = fade*c.images + float64(r.Images)
	c.wait = fade*c.wait + r.Wait.Seconds()
	c.compute = fade*c.compute + r.Compute.Seconds()
}

// speed is that of the steps, and the time of one in the session and in waiting
// for its batch. Call it after add.
func (c *recent) speed() (imagesPerSecond float64, compute, wait time.Duration) {
	perStep := func(seconds float64) time.Duration { return time.Duration(seconds / c.steps * float64(time.Second)) }
	return c.images / max(c.wait+c.compute, 1e-9), perStep(c.compute), perStep(c.wait)
}
