package cli

import (
	"encoding/json"

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
		p, err := presets.Lookup(name)
		if err != nil {
			return withCode(ExitUsage, err)
		}
		r := p.Recipe
		if err := setKeys(c, &r); err != nil {
			return err
		}
		if err := r.Validate(); err != nil {
			return withCode(ExitUsage, err)
		}
		e := json.NewEncoder(c.App.Writer)
		e.SetIndent("", "  ")
		return e.Encode(r)
	}
	w := newTable(c.App.Writer)
	if c.Bool("keys") {
		for _, key := range recipeKeys() {
			w.row(key, keyDocs[key])
		}
		return w.Flush()
	}
	for name, p := range presets.All() {
		w.row(name, p.Summary)
	}
	return w.Flush()
}
