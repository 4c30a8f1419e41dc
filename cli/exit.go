package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"syscall"

	"pmx/training"
)

// The exit codes. Scripts may rely on them.
const (
	ExitOK          = 0   // done
	ExitFailure     = 1   // the command failed; standard error says why
	ExitUsage       = 2   // the command line is wrong: nothing was done
	ExitMissing     = 3   // a runtime library or device is not there; the message says how to install it
	ExitDiverged    = 4   // the loss became NaN or infinite; the last good checkpoint is kept
	ExitHangup      = 129 // the terminal was closed (SIGHUP): saved, then stopped
	ExitInterrupted = 130 // Ctrl-C (SIGINT): saved, then stopped
	ExitQuit        = 131 // Ctrl-\ (SIGQUIT): saved, then stopped
	ExitPipe        = 141 // nobody reads the output of a training (SIGPIPE): saved, then stopped
	ExitTerminated  = 143 // SIGTERM: saved, then stopped
)

const exitCodeHelp = `Exit codes: 0 done; 1 failed; 2 wrong command line; 3 a runtime library or device is missing;
4 the loss is not finite; 130 stopped by Ctrl-C, 143 by SIGTERM, 129 by SIGHUP, 131 by SIGQUIT
and 141 by SIGPIPE, after saving.`

// codedError is an error with an exit code of its own.
type codedError struct {
	code int
	err  error
}

func (e *codedError) Error() string { return e.err.Error() }
func (e *codedError) Unwrap() error { return e.err }

// withCode gives err an exit code; nil stays nil.
func withCode(code int, err error) error {
	if err == nil {
		return nil
	}
	return &codedError{code, err}
}

// usageErrorf is an error in the command line.
func usageErrorf(format string, args ...any) error {
	return withCode(ExitUsage, fmt.Errorf(format, args...))
}

// plainStop is the signal that ended ctx in the place of an error that tells of it only
// that ctx is done, in whatever words.
func plainStop(ctx context.Context, err error) error {
	stop, stopped := errors.AsType[*signalError](context.Cause(ctx))
	if _, told := errors.AsType[*signalError](err); stopped && !told && errors.Is(err, context.Canceled) {
		return stop
	}
	return err
}

// exitCode is the code for what a command returned.
func exitCode(ctx context.Context, err error) int {
	if err == nil {
		return ExitOK
	}
	if coded, ok := errors.AsType[*codedError](err); ok {
		return coded.code
	}
	if lost, ok := errors.AsType[*training.InterruptedError](err); ok && lost.Step > 0 && lost.Saved == "" {
		return ExitFailure // 130 and 143 promise that what was trained is saved
	}
	stop, ok := errors.AsType[*signalError](err)
	if !ok && errors.Is(err, context.Canceled) {
		stop, ok = errors.AsType[*signalError](context.Cause(ctx))
	}
	if !ok {
		return ExitFailure
	}
	switch stop.signal {
	case syscall.SIGHUP:
		return ExitHangup
	case syscall.SIGQUIT:
		return ExitQuit
	case syscall.SIGPIPE:
		return ExitPipe
	case syscall.SIGTERM:
		return ExitTerminated
	}
	return ExitInterrupted
}

// oneLine is err's message as the one line that follows "pmx: ", without the
// packages that it begins with.
func oneLine(err error) string {
	var parts []string
	for line := range strings.Lines(err.Error()) {
		if line = strings.TrimSpace(line); line != "" {
			parts = append(parts, line)
		}
	}
	line := strings.Join(parts, "; ")
	for { // "training: runtimelib: ..." names rooms that a user need not know
		room, rest, found := strings.Cut(line, ": ")
		if !found || !slices.Contains(rooms, room) {
			return line
		}
		line = rest
	}
}

// rooms are the packages whose names begin messages, except for cuda: that is a word of
// the user's. A test finds them.
var rooms = []string{"artifacts", "builders", "cli", "coco", "detect", "detection", "device", "evaluation", "export", "filelock",
	"idx", "images", "jpeg", "kernels", "keys", "onnxgraph", "ortcheckpoint", "orttraining", "patchmix",
	"runtimelib", "runtimes", "safetensors", "step", "tasks", "tfevents", "torchfile", "training", "weights", "wheellib"}
