package cli

import (
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"pmx/internal/keys"
	"pmx/tasks"
)

// shortKeys are the keys that have a flag of their own.
var shortKeys = []struct{ flag, key, value, usage string }{
	{"epochs", "epochs", "N", "passes over the data; a warm-up keeps its share of them"},
	{"batch", "batch", "N", "images of a step"},
	{"lr", "base_lr", "RATE", "peak learning rate for a batch of 256"},
	{"image-size", "image_size", "PIXELS", "side of the images that the encoder sees"},
	{"seed", "seed", "N", "decides every random draw"},
}

// recipeFlags are the flags that make a recipe, for every command that needs one.
func recipeFlags() []cli.Flag {
	flags := []cli.Flag{
		&cli.StringFlag{Name: "preset", Usage: "begin with the recipe `NAME`; `pmx presets` lists them"},
	}
	for _, s := range shortKeys {
		flags = append(flags, &cli.StringFlag{Name: s.flag, Usage: fmt.Sprintf("%s, `%s`; short for --set %s=%s", s.usage, s.value, s.key, s.value)})
	}
	return append(flags,
		&cli.StringSliceFlag{Name: "set", Usage: "change keys, `KEY=VALUE`[,KEY=VALUE]; repeatable; `pmx presets --keys` explains them"},
		&cli.StringFlag{Name: "config", Usage: "take keys from a JSON `FILE`, such as a run's config.json"},
		&cli.StringFlag{Name: "task", Usage: "begin with an empty recipe of the task `NAME`, such as patchmix"},
	)
}

// flagMeant is what a flag that command c does not have may mean: a key of a recipe, by
// its name or by one that others have for it, or the nearest flag.
func flagMeant(c *cli.Command, name string, flags []string) string {
	if set, _ := findFlag(c, "set"); set != nil {
		name := strings.ReplaceAll(name, "-", "_")
		for _, t := range tasks.All() {
			key, known := keys.Called(t.New(), name)
			if !known {
				continue
			}
			for _, s := range shortKeys {
				if s.key == key {
					return fmt.Sprintf(", did you mean --%s %s?", s.flag, s.value)
				}
			}
			if key != "heads" && slices.Contains(flags, key) { // the flag heads is of weights that --init takes
				return fmt.Sprintf(", did you mean --%s?", key)
			}
			return fmt.Sprintf(", did you mean --set %s=VALUE?", key)
		}
	}
	return didYouMean(name, flags)
}

// recipeOf resolves the flags of recipeFlags, later ones over earlier ones:
// preset or task, config, set. It does not validate.
func recipeOf(c *cli.Context) (tasks.Recipe, error) {
	r, err := startOf(c)
	if err != nil {
		return nil, err
	}
	return r, setKeys(c, r)
}

// startOf is the recipe before --set.
func startOf(c *cli.Context) (tasks.Recipe, error) {
	preset, task, config := c.String("preset"), c.String("task"), c.String("config")
	var r tasks.Recipe
	switch {
	case preset != "" && task != "":
		return nil, usageErrorf("--preset %s and --task %s are two beginnings of a recipe: choose one", preset, task)
	case preset != "":
		p, err := tasks.LookupPreset(preset)
		if err != nil {
			return nil, withCode(ExitUsage, err)
		}
		r = p.Recipe()
	case task != "":
		t, err := tasks.Lookup(task)
		if err != nil {
			return nil, withCode(ExitUsage, err)
		}
		r = t.New()
	case config == "":
		return nil, usageErrorf("no recipe: begin with --preset quickstart (a built-in sample, minutes), --preset photos (your own images, named by --data) or another of %s, or with --config FILE; `pmx presets` explains them",
			strings.Join(tasks.PresetNames(), ", "))
	}
	if config == "" {
		return r, nil
	}
	data, err := os.ReadFile(config)
	if err != nil {
		return nil, withCode(ExitUsage, fmt.Errorf("--config: %w", err))
	}
	if r == nil {
		r, err = tasks.ReadRecipe(data)
	} else {
		err = keys.Read(r, data)
	}
	if err != nil {
		return nil, withCode(ExitUsage, fmt.Errorf("--config %s: %w", config, err))
	}
	return r, nil
}

// assignment is a KEY=VALUE of the command line.
type assignment struct{ flag, key, value string }

// assignments are those of --set and of the flags that are short for one.
func assignments(c *cli.Context) ([]assignment, error) {
	var out []assignment
	for _, text := range c.StringSlice("set") {
		for i, part := range strings.Split(text, ",") {
			key, value, ok := strings.Cut(part, "=")
			switch {
			case ok:
				out = append(out, assignment{"--set", strings.TrimSpace(key), strings.TrimSpace(value)})
			case i > 0: // the comma is the value's: mix_num=2,3
				out[len(out)-1].value += "," + strings.TrimSpace(part)
			default:
				return nil, usageErrorf("--set %s: want KEY=VALUE", text)
			}
		}
	}
	for _, s := range shortKeys {
		if c.IsSet(s.flag) {
			out = append(out, assignment{"--" + s.flag, s.key, c.String(s.flag)})
		}
	}
	return out, nil
}

// setKeys applies --set and the flags that are short for it.
func setKeys(c *cli.Context, r tasks.Recipe) error {
	list, err := assignments(c)
	if err != nil {
		return err
	}
	epochs, warmup := r.Common().Epochs, false
	for _, a := range list {
		if a.key == "preset" { // a recipe's note of where it came from
			return usageErrorf("--set preset=%s changes nothing: begin with a recipe by --preset %[1]s", a.value)
		}
		if a.flag == "--lr" && keys.Get(r, a.key) == "" { // not scaled with the batch
			a.key = "lr"
		}
		if err := keys.Set(r, a.key, a.value); err != nil {
			return withCode(ExitUsage, fmt.Errorf("%s: %w", a.flag, err))
		}
		warmup = warmup || a.key == "warmup_epochs"
	}
	if !warmup {
		scaleWarmup(c.App.ErrWriter, r, epochs)
	}
	return nil
}

// scaleWarmup keeps the share of the warm-up where a recipe got other epochs than it
// had, and says so.
func scaleWarmup(stderr io.Writer, r tasks.Recipe, before int) {
	scaled, ok := r.(interface{ Warmup() *float64 })
	now := r.Common().Epochs
	if !ok || before < 1 || now < 1 || now >= before || *scaled.Warmup() == 0 {
		return
	}
	warmup := scaled.Warmup()
	was := *warmup
	*warmup = math.Round(1e4*was*float64(now)/float64(before)) / 1e4
	fmt.Fprintf(stderr, "note: %d epochs instead of %d: the warm-up keeps its share, %g epochs instead of %g (--set warmup_epochs=N for another)\n", now, before, *warmup, was)
}

// validRecipe is recipeOf, validated.
func validRecipe(c *cli.Context) (tasks.Recipe, error) {
	r, err := recipeOf(c)
	if err != nil {
		return nil, err
	}
	return r, withCode(ExitUsage, tasks.Check(r))
}

// contrastive wants a recipe of contrastive pre-training.
func contrastive(r tasks.Recipe, command string) (*tasks.Contrastive, error) {
	if c, ok := r.(*tasks.Contrastive); ok {
		return c, nil
	}
	return nil, usageErrorf("%s is for recipes of pre-training, not of task %s", command, r.TaskName())
}

// recipeExit gives errors of tasks their exit codes.
func recipeExit(err error) error {
	if _, ok := errors.AsType[*tasks.RecipeError](err); ok {
		return withCode(ExitUsage, err)
	}
	return specExit(err)
}
