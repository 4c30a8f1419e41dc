package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/urfave/cli/v2"
)

func TestArrange(t *testing.T) {
	commands := func() []*cli.Command {
		return []*cli.Command{
			{Name: "export", ArgsUsage: "RUN", Flags: []cli.Flag{
				&cli.StringFlag{Name: "out", Aliases: []string{"o"}}, &cli.BoolFlag{Name: "momentum"}, &cli.StringSliceFlag{Name: "set"},
			}},
			{Name: "eval", Subcommands: []*cli.Command{{Name: "knn", ArgsUsage: "RUN"}}},
			{Name: "version"},
			{Name: "bench", Flags: []cli.Flag{
				&cli.IntFlag{Name: "steps"}, &cli.Int64Flag{Name: "id"}, &cli.Uint64Flag{Name: "seed"}, &cli.Float64Flag{Name: "rate"},
			}},
			{Name: "build", Flags: []cli.Flag{&cli.StringFlag{Name: "out", Required: true}}},
		}
	}
	for in, want := range map[string]string{
		"":                                     "",
		"--help":                               "--help",
		"help export":                          "export --help",
		"export --nothing --help":              "error: unknown flag --nothing, see `pmx export --help`",
		"export run --out x":                   "export --out x -- run",
		"export run -o x --momentum b":         "export -o x --momentum -- run b",
		"export --set a=1 run --set=b=2":       "export --set a=1 --set=b=2 -- run",
		"export -- --out":                      "export -- --out",
		"export -":                             "export -- -",
		"export run --momentun":                "error: unknown flag --momentun, did you mean \"momentum\"?, see `pmx export --help`",
		"export run --out":                     "error: flag --out needs a value, see `pmx export --help`",
		"exprot":                               "error: unknown command \"pmx exprot\", did you mean \"export\"?, see `pmx --help`",
		"eval":                                 "eval",
		"eval knn run":                         "eval knn -- run",
		"eval kn run":                          "error: unknown command \"pmx eval kn\", did you mean \"knn\"?, see `pmx eval --help`",
		"--out x export":                       "error: unknown flag --out before the command, see `pmx --help`",
		"version now":                          "error: `pmx version` takes no argument, got \"now\", see `pmx version --help`",
		"build --out x":                        "build --out x",
		"build":                                "error: `pmx build` needs --out, see `pmx build --help`",
		"bench --steps 010 --id=-07 --seed +5": "error: --seed +5: want a whole number, 0 or more, see `pmx bench --help`",
		"bench --steps 010 --id=-07 --seed 5 --rate=1e3": "bench --steps 10 --id=-7 --seed 5 --rate=1e3",
		"bench --steps 1_0":                    "error: --steps 1_0: want a whole number, see `pmx bench --help`",
		"bench --steps=0x10":                   "error: --steps 0x10: want a whole number, see `pmx bench --help`",
		"bench --id 1e9":                       "error: --id 1e9: want a whole number, see `pmx bench --help`",
		"bench --seed -1":                      "error: --seed -1: want a whole number, 0 or more, see `pmx bench --help`",
		"bench --rate 1_0":                     "error: --rate 1_0: want a number, see `pmx bench --help`",
		"bench --rate=0x1p2":                   "error: --rate 0x1p2: want a number, see `pmx bench --help`",
		"help eval knn":                        "eval knn --help",
		"export run another --momentum --help": "export --help",
	} {
		got, err := arrange(commands(), "pmx", strings.Fields(in))
		line := strings.Join(got, " ")
		if err != nil {
			line = "error: " + err.Error()
			if exitCode(t.Context(), err) != ExitUsage {
				t.Errorf("arrange(%q): exit code %d, want %d", in, exitCode(t.Context(), err), ExitUsage)
			}
		}
		if line != want {
			t.Errorf("arrange(%q):\n got %s\nwant %s", in, line, want)
		}
	}
}

func TestExitCode(t *testing.T) {
	stopped := func(s os.Signal) context.Context {
		ctx, cancel := context.WithCancelCause(context.Background())
		cancel(&signalError{s})
		return ctx
	}
	failure := errors.New("x")
	for _, c := range []struct {
		name string
		ctx  context.Context
		err  error
		want int
	}{
		{"success", t.Context(), nil, ExitOK},
		{"failure", t.Context(), failure, ExitFailure},
		{"coded", t.Context(), fmt.Errorf("y: %w", withCode(ExitMissing, failure)), ExitMissing},
		{"no error has no code", t.Context(), withCode(ExitMissing, nil), ExitOK},
		{"interrupted", stopped(os.Interrupt), fmt.Errorf("y: %w", context.Canceled), ExitInterrupted},
		{"terminated", stopped(syscall.SIGTERM), context.Canceled, ExitTerminated},
		{"the signal itself", t.Context(), fmt.Errorf("saved: %w", &signalError{syscall.SIGTERM}), ExitTerminated},
		{"failed while being stopped", stopped(os.Interrupt), failure, ExitFailure},
		{"done before it noticed the signal", stopped(os.Interrupt), nil, ExitOK},
		{"cancelled by the caller", t.Context(), context.Canceled, ExitFailure},
	} {
		if got := exitCode(c.ctx, c.err); got != c.want {
			t.Errorf("%s: exit code %d, want %d", c.name, got, c.want)
		}
	}
}

func TestOneLine(t *testing.T) {
	for in, want := range map[string]string{
		"a: b\n  at c\n\n":                     "a: b; at c",
		"training: runtimelib: a: b":           "a: b",
		"training: device: a tensor is closed": "a tensor is closed",
		"training: cuda: no driver":            "cuda: no driver",
		"builders: dim is 0":                   "dim is 0",
		"model: builders: stays where it is":   "model: builders: stays where it is",
	} {
		if got := oneLine(errors.New(in)); got != want {
			t.Errorf("oneLine(%q) = %q, want %q", in, got, want)
		}
	}
}

// TestCommands holds every command to the same form: a usage line, a help text
// with an example unless it is trivial or a group, each flag explained and named
// in kebab case.
func TestCommands(t *testing.T) {
	var visit func(path string, cs []*cli.Command)
	visit = func(path string, cs []*cli.Command) {
		for _, c := range cs {
			name := path + " " + c.Name
			if c.Usage == "" {
				t.Errorf("%s has no usage line", name)
			}
			if group := len(c.Subcommands) > 0; group == (c.Action != nil) {
				t.Errorf("%s has %d subcommands and action = %t: it needs exactly one of the two", name, len(c.Subcommands), c.Action != nil)
			}
			if len(c.Flags) > 0 && !strings.Contains(c.Description, name) {
				t.Errorf("%s has flags but its description shows no example with %q", name, name)
			}
			for _, f := range c.Flags {
				doc, ok := f.(cli.DocGenerationFlag)
				if !ok || doc.GetUsage() == "" {
					t.Errorf("%s --%s is not explained", name, f.Names()[0])
				}
				if strings.ContainsAny(f.Names()[0], "_ ") {
					t.Errorf("%s --%s: want kebab case", name, f.Names()[0])
				}
			}
			visit(name, c.Subcommands)
		}
	}
	app := newApp(t.Output(), t.Output())
	if len(app.Commands) == 0 {
		t.Fatal("no command is registered")
	}
	visit("pmx", app.Commands)
	names := commands.Names()
	if !slices.Contains(names, "version") {
		t.Errorf("registered: %v, want version among them", names)
	}
}

// TestFlagMeant: a flag that other programs have, or that is a key, is answered with what
// there is here.
func TestFlagMeant(t *testing.T) {
	for flag, want := range map[string]string{
		"--learning-rate": "did you mean --lr RATE?", "--learning_rate": "did you mean --lr RATE?", "--base_lr": "did you mean --lr RATE?",
		"--batch-size": "did you mean --batch N?", "--batch_size=64": "did you mean --batch N?", "--max_epochs": "did you mean --epochs N?",
		"--img-size": "did you mean --image-size PIXELS?", "--embed_dim": "did you mean --set dim=VALUE?",
		"--num-heads": "did you mean --set heads=VALUE?", "--depth": "did you mean --set depth=VALUE?",
		"--dataset": "did you mean --data?", "--epocs": `did you mean "epochs"?`,
	} {
		err := resolves([]string{"train", "--preset", "photos", "--out", "x", flag, "3"})
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "=64") {
			t.Errorf("%s: %v, want %q", flag, err, want)
		}
	}
}

// TestSetSeveral: --set takes assignments with commas between them, and those that follow it.
func TestSetSeveral(t *testing.T) {
	for line, want := range map[string]string{
		"train --set a=1 b=2 c=3,4 --out x": "train --set a=1 --set b=2 --set c=3,4 --out x",
		"train --resume --set a=1 run b=2":  "train --resume --set a=1 -- run b=2",
		"train --set=a=1 b=2":               "train --set=a=1 --set b=2",
		"train --out x b=2":                 "train --out x -- b=2",
	} {
		got, err := arrange(newApp(t.Output(), t.Output()).Commands, "pmx", strings.Fields(line))
		if err != nil || strings.Join(got, " ") != want {
			t.Errorf("%s: %s, %v, want %s", line, strings.Join(got, " "), err, want)
		}
	}
}

// TestHelpIsShort: every help text fits on a screen or two.
func TestHelpIsShort(t *testing.T) {
	var visit func(path []string, cs []*cli.Command)
	visit = func(path []string, cs []*cli.Command) {
		for _, c := range cs {
			path := append(slices.Clone(path), c.Name)
			var out strings.Builder
			if code := Main(t.Context(), append(slices.Clone(path), "--help"), &out, t.Output()); code != ExitOK {
				t.Errorf("%v --help: exit code %d", path, code)
			}
			if n := strings.Count(out.String(), "\n"); n >= 60 {
				t.Errorf("%v --help has %d lines, want fewer than 60", path, n)
			}
			visit(path, c.Subcommands)
		}
	}
	visit(nil, newApp(t.Output(), t.Output()).Commands)
}
