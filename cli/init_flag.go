package cli

import (
	"fmt"
	"io"
	"strings"

	"github.com/urfave/cli/v2"

	"pmx/artifacts"
	"pmx/artifacts/weights"
	"pmx/export"
	"pmx/internal/keys"
	"pmx/tasks"
)

// initFlags say what weights a run starts from.
func initFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "init", Usage: "start from the encoder of `RUN|FILE|FOLDER`: a run, a checkpoint, or weights of any layout that pmx export takes; heads are drawn"},
		encoderFlag(),
		headsFlag(),
		&cli.StringFlag{Name: "resize-positions", Usage: fmt.Sprintf("resize the positions of --init to images of another size by the `RULE` %s; default: that of those who published the weights", positionRules())},
		&cli.BoolFlag{Name: "fold-normalisation", Usage: "change the patch embedding of --init so that images normalised with ImageNet's mean and std give the same features"},
	}
}

func positionRules() string {
	var names []string
	for _, rule := range weights.PositionRules {
		names = append(names, string(rule))
	}
	return strings.Join(names[:len(names)-1], ", ") + " or " + names[len(names)-1]
}

// openInit opens what --init names; nil without it.
func openInit(c *cli.Context) (*tasks.Init, error) {
	if !c.IsSet("init") {
		for _, flag := range []string{"encoder", "heads", "resize-positions", "fold-normalisation"} {
			if c.IsSet(flag) {
				return nil, usageErrorf("--%s goes with --init", flag)
			}
		}
		return nil, nil
	}
	if c.Bool("resume") {
		return nil, usageErrorf("--resume continues with the weights of the run's newest checkpoint and --init starts a new run: choose one")
	}
	o, err := openOptions(c)
	if err != nil {
		return nil, err
	}
	o.FoldNormalisation = c.Bool("fold-normalisation")
	if o.Rule = weights.PositionRule(c.String("resize-positions")); c.IsSet("resize-positions") {
		if err := o.Rule.Check(); err != nil {
			return nil, withCode(ExitUsage, err)
		}
	}
	init, err := tasks.OpenInit(c.Context, c.String("init"), o)
	if err != nil {
		return nil, err
	}
	printTaken(c.App.ErrWriter, init.Path, init.Encoder, init.Report)
	return init, nil
}

// recipeFrom is the recipe of a run that starts from given weights. A preset, or a task,
// takes the architecture of the weights; --config and --set say another. Without any of
// them the recipe is that of the run that the weights are from.
func recipeFrom(c *cli.Context, init *tasks.Init) (tasks.Recipe, error) {
	if !c.IsSet("preset") && !c.IsSet("task") && !c.IsSet("config") {
		r, err := recipeOfRun(init)
		if err != nil {
			return nil, err
		}
		return r, setKeys(c, r)
	}
	r, err := startOf(c)
	if err != nil {
		return nil, err
	}
	if !c.IsSet("config") {
		if err := adopt(c.App.ErrWriter, init, r); err != nil {
			return nil, recipeExit(err)
		}
	}
	return r, setKeys(c, r)
}

// recipeOfRun is the recipe of the run that weights are from.
func recipeOfRun(init *tasks.Init) (tasks.Recipe, error) {
	run, ok := artifacts.RunOf(init.Encoder.Path)
	if !ok {
		return nil, usageErrorf("no recipe: %s is not of a run, so name one by --preset (%s)", init.Path, strings.Join(tasks.PresetNames(), ", "))
	}
	return tasks.RunRecipe(run)
}

// adopt makes a recipe's architecture that of the weights, and says so.
func adopt(stderr io.Writer, init *tasks.Init, r tasks.Recipe) error {
	before := tasks.Clone(r)
	if err := init.Adopt(r); err != nil {
		return err
	}
	if changed := changedKeys(before, r); changed != nil {
		fmt.Fprintf(stderr, "note: as in %s: %s\n", init.Path, strings.Join(changed, ", "))
	}
	return nil
}

// printTaken says what was taken of weights that others wrote.
func printTaken(stderr io.Writer, path string, e *export.Encoder, report *weights.Report) {
	if report == nil {
		return
	}
	which := ""
	if report.Encoder != "" {
		which = ", " + report.Encoder
	}
	fmt.Fprintf(stderr, "%s: %s%s; %d tensors taken, %d under other names, %d dropped; %d heads (%s)\n",
		path, report.Layout, which, len(report.Taken), len(report.Mapped), len(report.Dropped), e.Config.Heads, report.HeadsFrom)
	printNotes(stderr, report.Notes)
}

// changedKeys are those of the recipe that have another value than before, KEY=VALUE.
func changedKeys(before, now tasks.Recipe) (changed []string) {
	for _, k := range keys.Of(now) {
		if value := keys.Get(now, k.Name); value != keys.Get(before, k.Name) {
			changed = append(changed, k.Name+"="+value)
		}
	}
	return changed
}
