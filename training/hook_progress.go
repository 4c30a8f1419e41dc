package training

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"
	"golang.org/x/term"
)

// ProgressHook tells people how the training goes: a line per epoch and per
// recorded number, and between them a bar with loss, rate, data wait and time
// left, or, where there is no terminal, such a line now and then.
type ProgressHook struct {
	NoHook
	Out io.Writer
	// Bar draws a bar; Out must be a terminal then.
	Bar bool
	// Every is the least time between plain lines; 0 is ten seconds.
	Every time.Duration

	progress *mpb.Progress
	bar      *mpb.Bar
	status   atomic.Pointer[string] // read by the bar's goroutine
	started  time.Time
	printed  time.Time // when the last plain line was
	recent   recent
}

// NewProgressHook draws a bar if out is a terminal.
func NewProgressHook(out io.Writer) *ProgressHook {
	file, ok := out.(*os.File)
	return &ProgressHook{Out: out, Bar: ok && term.IsTerminal(int(file.Fd()))}
}

// Start draws the empty bar.
func (h *ProgressHook) Start(_ context.Context, l *Loop) error {
	h.started = time.Time{} // what comes before the first step does not count
	h.printed = time.Now()
	h.recent = recent{}
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
	left := h.timeLeft(l)
	status := fmt.Sprintf("loss %.4f  %s  data wait %.0f%%  %v left", r.Metrics["loss"], h.recent.rate(), 100*h.recent.waitShare(), left)
	if h.bar != nil {
		h.setStatus(" " + status)
		h.bar.SetCurrent(r.Step)
	}
	switch now := time.Now(); {
	case r.Epoch != nil:
		h.println(epochLine(l, r))
		h.printed = now
	case h.bar == nil && now.Sub(h.printed) >= cmp.Or(h.Every, 10*time.Second):
		h.println(fmt.Sprintf("step %d/%d  %s", r.Step, l.Steps, status))
		h.printed = now
	}
	return nil
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
	fmt.Fprintf(&b, "  %.0f images/s  data wait %.0f%%  %v", e.ImagesPerSecond, 100*e.WaitShare, e.Time.Round(100*time.Millisecond))
	return b.String()
}

// recent is the timing of the last steps, older ones fading out.
type recent struct{ images, wait, total float64 }

// fade is the weight that a step loses with each later one: the last 20 count most.
const fade = 0.95

func (c *recent) add(r *StepReport) {
	c.images = fade*c.images + float64(r.Images)
	c.wait = fade*c.wait + r.Wait.Seconds()
	c.total = fade*c.total + (r.Wait + r.Compute).Seconds()
}

func (c *recent) rate() string {
	if c.total <= 0 {
		return "- images/s"
	}
	return fmt.Sprintf("%.0f images/s", c.images/c.total)
}

func (c *recent) waitShare() float64 {
	if c.total <= 0 {
		return 0
	}
	return c.wait / c.total
}
