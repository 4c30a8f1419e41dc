package cli

import (
	"fmt"
	"strings"

	"github.com/urfave/cli/v2"

	"pmx/internal/registry"
)

// Preset is a named recipe.
type Preset struct {
	Summary string // one line: model, data, time, number
	Recipe  Recipe // Recipe.Preset is filled in
}

var presets = registry.New[Preset]("cli", "preset")

// addPreset registers a preset. Every name has its own line in a preset_*.go file.
func addPreset(name, summary string, r Recipe) Preset {
	r.Preset = name
	return presets.Add(name, Preset{summary, r})
}

// The published sizes: width, depth, heads. S has 12 heads, not the usual 6.
func tiny(r Recipe) Recipe  { r.Dim, r.Depth, r.Heads = 192, 12, 3; return r }
func small(r Recipe) Recipe { r.Dim, r.Depth, r.Heads = 384, 12, 12; return r }
func base(r Recipe) Recipe  { r.Dim, r.Depth, r.Heads = 768, 12, 12; return r }

// publishedViews are those of all published recipes, but for the scale of crops.
var publishedViews = Views{
	CropScaleMin: 0.35, CropScaleMax: 1, LocalScaleMin: 0.05, LocalScaleMax: 0.35,
	Brightness: 0.4, Contrast: 0.4, Saturation: 0.2, Hue: 0.1, JitterProb: 0.8, GrayscaleProb: 0.2,
	BlurProb1: 1, BlurProb2: 0.1, BlurProbLocal: 0.5, BlurSigmaMin: 0.1, BlurSigmaMax: 2,
	SolarizeProb: 0.2, FlipProb: 0.5,
}

// recipeFlags are the flags that make a recipe, for every command that needs one.
func recipeFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "preset", Usage: "begin with the recipe `NAME`; `pmx presets` lists them"},
		&cli.StringFlag{Name: "config", Usage: "take keys from a JSON `FILE`, such as a run's config.json"},
		&cli.StringSliceFlag{Name: "set", Usage: "change one key, `KEY=VALUE`; repeatable; `pmx presets --keys` explains them"},
	}
}

// recipeOf resolves the flags of recipeFlags, later ones over earlier ones:
// preset, config, set. It does not validate.
func recipeOf(c *cli.Context) (Recipe, error) {
	var r Recipe
	switch name := c.String("preset"); {
	case name != "":
		p, err := presets.Lookup(name)
		if err != nil {
			return r, withCode(ExitUsage, err)
		}
		r = p.Recipe
	case !c.IsSet("config"):
		return r, usageErrorf("no recipe: name one by --preset (%s) or a file by --config", strings.Join(presets.Names(), ", "))
	}
	if c.IsSet("config") {
		if err := r.Load(c.String("config")); err != nil {
			return r, withCode(ExitUsage, err)
		}
	}
	return r, setKeys(c, &r)
}

// setKeys applies --set.
func setKeys(c *cli.Context, r *Recipe) error {
	for _, assignment := range c.StringSlice("set") {
		key, value, ok := strings.Cut(assignment, "=")
		if !ok {
			return usageErrorf("--set %s: want KEY=VALUE", assignment)
		}
		key, value = strings.TrimSpace(key), strings.TrimSpace(value)
		if key == "preset" { // a recipe's note of where it came from
			return usageErrorf("--set preset=%s changes nothing: begin with a recipe by --preset %[1]s", value)
		}
		if err := r.Set(key, value); err != nil {
			return withCode(ExitUsage, fmt.Errorf("--set: %w", err))
		}
	}
	return nil
}
