package training

import "context"

// Hook is called by a Loop around its steps. An error ends the training. What a hook
// holds, such as a file, it opens in Start: a hook that did not start is not ended.
//
// Hooks run in the order in which they are listed, and end in the opposite one.
// A checkpoint hook is listed last: what it saves, the others have logged.
type Hook interface {
	// Start is called before the first step.
	Start(ctx context.Context, l *Loop) error
	// Step is called after each step; r is the hook's to read only. If it fails, the
	// step is taken back.
	Step(ctx context.Context, l *Loop, r *StepReport) error
	// End is called once for a hook whose Start went well, with what ended the
	// training: nil after the last step, else an error such as *InterruptedError
	// or *DivergedError. ctx is not done, even if the loop's is.
	End(ctx context.Context, l *Loop, cause error) error
}

// Recorder is a Hook that keeps numbers which another hook measured, such as the
// accuracy of an online evaluation.
type Recorder interface {
	Record(step int64, values map[string]float64) error
}

// Watcher is a Hook that shows how far the long work of another hook has come,
// such as an evaluation: done of total units. Each such work has its own word for
// what, and its last report has done = total, unless it fails.
type Watcher interface {
	Progress(what string, done, total int64)
}

// Flusher is a Hook with something to put on the disk before a checkpoint says
// that its steps are done.
type Flusher interface {
	Flush() error
}

// NoHook is a Hook that does nothing, to embed.
type NoHook struct{}

// Start does nothing.
func (NoHook) Start(context.Context, *Loop) error { return nil }

// Step does nothing.
func (NoHook) Step(context.Context, *Loop, *StepReport) error { return nil }

// End does nothing.
func (NoHook) End(context.Context, *Loop, error) error { return nil }
