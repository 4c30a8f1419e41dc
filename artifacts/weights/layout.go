package weights

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"pmx/internal/registry"
)

// Layout is a convention of naming and keeping the weights of vision transformers.
type Layout struct {
	// Title is what its users call it: "MoCo v3".
	Title string
	// Recognise lists the encoders of a file of this layout, that which is taken unless
	// another is asked for first; none of any other file.
	Recognise func(*Source) []Branch
	// Fallback layouts are asked when no other recognises a file.
	Fallback bool
	// Refuse says, in the field's words, why what is recognised cannot be taken.
	Refuse string
	// Rename gives a key behind its branch's prefix timm's name; nil where it has it.
	// Parts of qkv are called attn.q, attn.k and attn.v, LayerScale's ls1.gamma, ls2.gamma.
	Rename func(key string) string
	// Drop are patterns (path.Match) of keys of the branch, timm's names, that are not of
	// the trunk and are left out.
	Drop []string
	// Beside are patterns of keys that are not of the branch.
	Beside []string
	// Rule is how the layout's own programs resize positions.
	Rule PositionRule
	// Heads are the numbers of attention heads of the layout's models by their width.
	Heads map[int]int
	// Configure takes what files beside the weights say.
	Configure func(*Source, *Settings) error
	// Write writes an encoder for the layout's programs; nil if it is only read.
	Write *Format
}

// Branch is one encoder of a file.
type Branch struct {
	Name   string // base, momentum, "" of the only one
	Alias  string // the layout's own word: teacher
	Root   string // of Source.Roots
	Prefix string // of its keys
}

// Settings is what Configure fills in.
type Settings struct {
	Heads     int
	HeadsFrom string // "config.json"
	Epsilon   float64
	Mean, Std [3]float32
	Notes     []string
	// Beside are shapes that a config.json states, to be compared with the weights: 0 if
	// it does not.
	ImageSize, PatchSize, Dim, Depth, Hidden int
}

var layouts = registry.New[*Layout]("weights", "layout")

// register makes a layout known under a name of letters, digits and dashes.
func register(name string, l *Layout) *Layout { return layouts.Add(name, l) }

// Layouts lists the titles of what Read takes.
func Layouts() []string {
	var titles []string
	for _, l := range layouts.All() {
		if l.Refuse == "" {
			titles = append(titles, l.Title)
		}
	}
	slices.Sort(titles)
	return titles
}

// recognise finds the layout of a file and its encoders.
func recognise(s *Source) (*Layout, []Branch, error) {
	for _, fallback := range []bool{false, true} {
		for _, l := range layouts.All() {
			if l.Fallback != fallback {
				continue
			}
			if branches := l.Recognise(s); len(branches) > 0 {
				return l, branches, nil
			}
		}
	}
	if len(s.Roots) == 0 {
		return nil, nil, fmt.Errorf("weights: %s holds no tensors", s.Path)
	}
	return nil, nil, fmt.Errorf("weights: %s holds tensors (%s), but not a vision transformer of a known layout: %s", s.Path, someKeys(s), strings.Join(Layouts(), ", "))
}

// someKeys shows what a file holds.
func someKeys(s *Source) string {
	var shown []string
	for _, root := range slices.Sorted(maps.Keys(s.Roots)) {
		for _, key := range s.Roots[root].keys[:min(2, len(s.Roots[root].keys))] {
			if root != "" {
				key = root + ": " + key
			}
			shown = append(shown, fmt.Sprintf("%.60s", key))
		}
	}
	if len(shown) > 4 {
		shown = append(shown[:4], "...")
	}
	return strings.Join(shown, ", ")
}

// choose picks the encoder that is asked for.
func choose(branches []Branch, name string) (Branch, error) {
	if name == "" {
		return branches[0], nil
	}
	var known []string
	for _, b := range branches {
		if name == b.Name || name == b.Alias {
			return b, nil
		}
		if b.Name != "" {
			known = append(known, b.Name)
		}
	}
	if len(known) == 0 {
		return Branch{}, fmt.Errorf("it has one encoder only: leave out --encoder %s", name)
	}
	return Branch{}, fmt.Errorf("it has no encoder %q: --encoder %s", name, strings.Join(known, ", --encoder "))
}
