package cli

import (
	"context"
	"fmt"
	"io"
	"time"

	"pmx/internal/cancel"

	"github.com/urfave/cli/v2"
)

// Main runs the program with its arguments (without its name) and returns the
// exit code. SIGINT, SIGTERM, SIGQUIT and SIGHUP cancel what runs, which then saves; a
// second one, except for SIGHUP, ends the process at once.
func Main(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	ctx, stop := withSignals(ctx)
	defer stop()
	out := &output{w: stdout}
	err := out.check(plainStop(ctx, run(ctx, args, out, stderr)))
	if err != nil && !readerGone(err) {
		fmt.Fprintf(stderr, "pmx: %s\n", oneLine(err))
	}
	return exitCode(ctx, err)
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	app := newApp(stdout, stderr)
	args, err := arrange(app.Commands, app.Name, args)
	if err != nil {
		return err
	}
	return app.RunContext(ctx, append([]string{app.Name}, args...))
}

func newApp(stdout, stderr io.Writer) *cli.App {
	app := &cli.App{
		Name:  "pmx",
		Usage: "train vision transformers by self-supervised contrastive learning",
		Description: `From images without labels to an encoder, on stock ONNX Runtime.

Begin with:
  pmx runtime install                                    the official library, once
  pmx train --preset quickstart --out runs/first         minutes, on a built-in sample
  pmx train --preset photos --data PHOTOS --out runs/mine

` + exitCodeHelp + `
"pmx COMMAND --help" explains a command with examples.`,
		Writer:      stdout,
		ErrWriter:   stderr,
		HideVersion: true,
		// A comma belongs to the value: --set mix_num=2,3.
		DisableSliceFlagSeparator: true,
		Commands:                  tree(),
		OnUsageError:              asUsageError,
		ExitErrHandler:            func(*cli.Context, error) {}, // Main prints and exits
	}
	var quiet func([]*cli.Command)
	quiet = func(cs []*cli.Command) {
		for _, c := range cs {
			c.OnUsageError = asUsageError
			quiet(c.Subcommands)
		}
	}
	quiet(app.Commands)
	return app
}

func asUsageError(c *cli.Context, err error, _ bool) error {
	return usageErrorf("%w, see `%s --help`", err, c.Command.HelpName)
}

// endsSoon is an action that ends with its context: one that does not look at it, such
// as the opening of a pipe that nobody serves, is left after a grace in which others
// remove what is unfinished.
func endsSoon(action cli.ActionFunc) cli.ActionFunc {
	return func(c *cli.Context) error {
		ended, stop := context.WithCancelCause(context.WithoutCancel(c.Context))
		defer stop(nil)
		defer context.AfterFunc(c.Context, func() {
			time.AfterFunc(grace, func() { stop(context.Cause(c.Context)) })
		})()
		return cancel.UnlessDo(ended, func() error { return action(c) })
	}
}

// grace is how long a command may take to end at a signal.
const grace = 3 * time.Second
