package cli

import (
	"encoding/json"

	"pmx/internal/keys"
	"pmx/internal/table"
	"pmx/tasks"

	"github.com/urfave/cli/v2"
)

var _ = register("presets", func() *cli.Command {
	return &cli.Command{
		Usage:     "list the named recipes, or print one whole",
		ArgsUsage: "[NAME]",
		Description: `pmx presets                    a line each
pmx presets cifar-tiny         all its keys as JSON
pmx presets cifar-tiny --set dim=96 > mine.json && pmx train --config mine.json --out runs/mine
pmx presets --keys             what each key of --set means`,
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "keys", Usage: "explain the keys of a recipe"},
			&cli.StringSliceFlag{Name: "set", Usage: "change one key of the recipe that is printed, `KEY=VALUE`; repeatable"},
		},
		Action: listPresets,
	}
})

func listPresets(c *cli.Context) error {
	if c.NArg() > 1 {
		return usageErrorf("name one preset, not %d", c.NArg())
	}
	if name := c.Args().First(); name != "" && !c.Bool("keys") {
		p, err := tasks.LookupPreset(name)
		if err != nil {
			return withCode(ExitUsage, err)
		}
		r := p.Recipe()
		if err := setKeys(c, r); err != nil {
			return err
		}
		if err := tasks.Check(r); err != nil {
			return withCode(ExitUsage, err)
		}
		e := json.NewEncoder(c.App.Writer)
		e.SetIndent("", "  ")
		return e.Encode(r)
	}
	w := table.New(c.App.Writer)
	if c.Bool("keys") {
		for _, key := range keysToExplain(c.Args().First()) {
			w.Row(key.Name, key.Help)
		}
		return w.Flush()
	}
	for name, p := range tasks.Presets() {
		w.Row(name, p.Summary)
	}
	return w.Flush()
}

// keysToExplain are those of a preset's or a task's recipe or, with neither, of
// pre-training.
func keysToExplain(name string) []keys.Key {
	if p, err := tasks.LookupPreset(name); err == nil {
		return keys.Of(p.Recipe())
	}
	if t, err := tasks.Lookup(name); err == nil {
		return keys.Of(t.New())
	}
	return keys.Of(&tasks.Contrastive{})
}
