package cli

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"syscall"
)

// signalError is the cause of a context that a signal has cancelled.
type signalError struct{ signal os.Signal }

func (e *signalError) Error() string { return "stopped by signal: " + e.signal.String() }

// withSignals cancels the context at the first SIGINT, SIGTERM or SIGQUIT, with a signalError
// as the cause, and then gives them back their usual effect. So does SIGHUP, but a
// second one has no effect: of a terminal that is closed, kernel and shell send one each.
func withSignals(parent context.Context) (context.Context, func()) {
	ctx, stop := cancelledBy(parent, signal.Stop, os.Interrupt, syscall.SIGTERM, syscall.SIGQUIT)
	if signal.Ignored(syscall.SIGHUP) { // as nohup has it
		return ctx, stop
	}
	ctx, stopHangup := cancelledBy(ctx, keep, syscall.SIGHUP)
	return ctx, func() { stopHangup(); stop() }
}

// withSignalPipe cancels the context when nobody reads the output any more, which
// otherwise ends the program at once. What then saves continues to write its lines: later
// SIGPIPEs have no effect.
func withSignalPipe(parent context.Context) (context.Context, func()) {
	return cancelledBy(parent, keep, syscall.SIGPIPE)
}

// keep leaves signals to a channel that is no longer read.
func keep(chan<- os.Signal) {}

// cancelledBy calls after with the channel once one of the signals has come.
func cancelledBy(parent context.Context, after func(chan<- os.Signal), stopping ...os.Signal) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(parent)
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, stopping...)
	go func() {
		select {
		case s := <-signals:
			cancel(&signalError{s})
		case <-ctx.Done():
		}
		after(signals)
	}()
	return ctx, func() { cancel(errors.New("done")) }
}
