package weights

import (
	"fmt"
	"regexp"
	"strings"
)

// Names of the trunk's parameters outside of its blocks, and within each.
var (
	trunkNames = []string{"cls_token", "pos_embed", "patch_embed.proj.weight", "patch_embed.proj.bias"}
	blockNames = []string{
		"norm1.weight", "norm1.bias", "attn.qkv.weight", "attn.qkv.bias", "attn.proj.weight", "attn.proj.bias",
		"norm2.weight", "norm2.bias", "mlp.fc1.weight", "mlp.fc1.bias", "mlp.fc2.weight", "mlp.fc2.bias",
	}
	lastNames = []string{"norm.weight", "norm.bias"}
)

// ParameterNames lists the parameters of a trunk of depth blocks in the order in which
// images pass them.
func ParameterNames(depth int) []string {
	names := append([]string(nil), trunkNames...)
	for i := range depth {
		for _, name := range blockNames {
			names = append(names, fmt.Sprintf("blocks.%d.%s", i, name))
		}
	}
	return append(names, lastNames...)
}

// shapeOf is the shape of a parameter.
func (a Architecture) shapeOf(name string) []int {
	if rest, ok := strings.CutPrefix(name, "blocks."); ok {
		_, name, _ = strings.Cut(rest, ".")
	}
	d, hidden := a.Dim, a.Hidden()
	switch name {
	case "cls_token":
		return []int{1, 1, d}
	case "pos_embed":
		return []int{1, 1 + a.Grid()*a.Grid(), d}
	case "patch_embed.proj.weight":
		return []int{d, 3, a.PatchSize, a.PatchSize}
	case "attn.qkv.weight":
		return []int{3 * d, d}
	case "attn.qkv.bias":
		return []int{3 * d}
	case "attn.proj.weight", "attn.q.weight", "attn.k.weight", "attn.v.weight":
		return []int{d, d}
	case "mlp.fc1.weight":
		return []int{hidden, d}
	case "mlp.fc1.bias":
		return []int{hidden}
	case "mlp.fc2.weight":
		return []int{d, hidden}
	}
	return []int{d}
}

// renaming is timm's name of a module or parameter and another program's, # standing
// for the number of a block.
type renaming struct {
	ours, theirs string
	pattern      *regexp.Regexp // of theirs
}

// nameTable translates names. Where several of theirs mean one of ours, the first is
// the one that is written.
type nameTable []renaming

// newNameTable takes pairs: ours, theirs.
func newNameTable(pairs ...string) nameTable {
	var table nameTable
	for i := 0; i < len(pairs); i += 2 {
		pattern := strings.ReplaceAll(regexp.QuoteMeta(pairs[i+1]), "#", `(?P<block>\d+)`)
		table = append(table, renaming{pairs[i], pairs[i+1], regexp.MustCompile(`^` + pattern + `(?P<suffix>\.(?:weight|bias))?$`)})
	}
	return table
}

// ours translates a key of theirs; a key that the table lacks stays what it is.
func (t nameTable) ours(key string) string {
	for _, r := range t {
		if m := r.pattern.FindStringSubmatch(key); m != nil {
			suffix := m[r.pattern.SubexpIndex("suffix")]
			if i := r.pattern.SubexpIndex("block"); i >= 0 {
				return strings.Replace(r.ours, "#", m[i], 1) + suffix
			}
			return r.ours + suffix
		}
	}
	return key
}

// blockNumber finds the number in blocks.7.norm1.weight.
var blockNumber = regexp.MustCompile(`^blocks\.(\d+)\.`)

// theirs translates a parameter of ours, which the table must have.
func (t nameTable) theirs(name string) string {
	number := ""
	if m := blockNumber.FindStringSubmatch(name); m != nil {
		number = m[1]
		name = "blocks.#." + name[len(m[0]):]
	}
	for _, r := range t {
		if suffix, ok := strings.CutPrefix(name, r.ours); ok && (suffix == "" || suffix == ".weight" || suffix == ".bias") {
			return strings.Replace(r.theirs, "#", number, 1) + suffix
		}
	}
	panic(fmt.Sprintf("weights: the table has no name for %s", name))
}
