package tasks

import (
	"iter"

	"pmx/internal/registry"
)

// Preset is a named recipe.
type Preset struct {
	Summary string // one line: model, data, time, number
	recipe  Recipe
}

// Recipe is a copy of the preset's recipe.
func (p Preset) Recipe() Recipe { return Clone(p.recipe) }

var presets = registry.New[Preset]("tasks", "preset")

// addPreset registers a preset. Every name has its own line in a preset_*.go file.
func addPreset(name, summary string, r Recipe) Preset {
	r = Clone(r)
	r.Common().Preset = name
	return presets.Add(name, Preset{summary, r})
}

// LookupPreset finds a preset; the error lists those that exist.
func LookupPreset(name string) (Preset, error) { return presets.Lookup(name) }

// Presets gives the presets by name.
func Presets() iter.Seq2[string, Preset] { return presets.All() }

// PresetNames lists the presets.
func PresetNames() []string { return presets.Names() }
