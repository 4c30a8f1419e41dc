package training

import "context"

// Hook is called by a Loop around its steps. An error ends the training.
//
// Hooks run in the order in which they are listed, and end in the opposite one.
// A checkpoint hook is listed last: what it saves, the others have logged.
type Hook interface {
	// Start is called before the first step.
	Start(ctx context.Context, l *Loop) error
	// Step is called after each step; r is the hook's to read only.
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
