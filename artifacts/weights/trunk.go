package weights

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"pmx/onnxgraph"
)

// trunk is an encoder on its way from a file's keys to timm's names.
type trunk struct {
	source *Source
	report *Report
	parts  map[string]part // by timm's names, with attn.q, attn.k, attn.v and ls1.gamma, ls2.gamma
	arch   Architecture

	positionRows int  // of pos_embed in the file
	noClassRow   bool // pos_embed has no row for the class token
}

// part is a tensor of the file under its key.
type part struct {
	key string
	lazyTensor
}

// maxDepth bounds the number of blocks: published ones have 48 at most.
const maxDepth = 1000

// collect names the keys of a branch.
func (t *trunk) collect(l *Layout, branch Branch) error {
	dict := t.source.Roots[branch.Root]
	if dict == nil {
		return fmt.Errorf("it has no dictionary %q", branch.Root)
	}
	var names []string
	for _, key := range dict.keys {
		full := rooted(branch.Root, key)
		inner, ok := strings.CutPrefix(key, branch.Prefix)
		if !ok {
			if matchesAny(l.Beside, key) {
				t.report.Dropped = append(t.report.Dropped, full)
			} else {
				t.report.Unexpected = append(t.report.Unexpected, full)
			}
			continue
		}
		name := inner
		if l.Rename != nil {
			name = l.Rename(inner)
		}
		name = timmVariant(name)
		names = append(names, name)
		if matchesAny(l.Drop, name) {
			t.report.Dropped = append(t.report.Dropped, full)
			continue
		}
		if earlier, twice := t.parts[name]; twice {
			return fmt.Errorf("%.100s and %.100s are both %s", earlier.key, inner, name)
		}
		t.parts[name] = part{inner, dict.values[key]}
	}
	if why := refusal(names); why != "" {
		return errors.New(why)
	}
	return nil
}

func rooted(root, key string) string {
	if root == "" {
		return key
	}
	return root + ": " + key
}

// gammaOfBEiT is LayerScale's name in BEiT's code and in those made of it.
var gammaOfBEiT = regexp.MustCompile(`^(blocks\.\d+\.)gamma_([12])$`)

// timmVariant gives what timm has under two names the newer one.
func timmVariant(name string) string {
	return gammaOfBEiT.ReplaceAllString(name, "${1}ls${2}.gamma")
}

// measure finds the architecture in the shapes and checks that every parameter is
// there, no other is, and all have their shapes and element types.
func (t *trunk) measure(settings *Settings) error {
	if err := t.checkKeys(); err != nil {
		return err
	}
	t.arch = Architecture{Name: architectureName, Depth: t.depth(), Epsilon: settings.Epsilon, Mean: settings.Mean, Std: settings.Std}
	if err := t.measureWidths(); err != nil {
		return err
	}
	if err := t.measurePositions(); err != nil {
		return err
	}
	if err := t.compareConfig(settings); err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(t.parts)) {
		if err := t.checkPart(name, t.parts[name]); err != nil {
			return err
		}
	}
	return nil
}

// depth is the number of blocks, by the highest.
func (t *trunk) depth() int {
	depth := 0
	for name := range t.parts {
		if m := blockNumber.FindStringSubmatch(name); m != nil {
			if i, err := strconv.Atoi(m[1]); err == nil && i < maxDepth {
				depth = max(depth, i+1)
			}
		}
	}
	return max(depth, 1)
}

// checkKeys fills in what is missing and what is not known.
func (t *trunk) checkKeys() error {
	known := map[string]bool{}
	for _, name := range ParameterNames(t.depth()) {
		known[name] = true
		pieces := t.pieces(name)
		for _, piece := range pieces {
			if _, ok := t.parts[piece]; !ok {
				t.report.Missing = append(t.report.Missing, piece)
			} else {
				known[piece] = true
				t.note(piece, name)
			}
		}
		if gamma := gammaOf(name); gamma != "" {
			if p, ok := t.parts[gamma]; ok && !known[gamma] {
				known[gamma] = true
				t.report.Mapped = append(t.report.Mapped, Mapping{p.key, strings.TrimSuffix(name, ".weight") + " (folded)"})
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(t.parts)) {
		if !known[name] {
			t.report.Unexpected = append(t.report.Unexpected, t.parts[name].key)
		}
	}
	slices.Sort(t.report.Unexpected)
	if len(t.report.Missing)+len(t.report.Unexpected) > 0 {
		return &KeysError{t.source.Path, *t.report}
	}
	return nil
}

// note reports the way of a piece into a parameter.
func (t *trunk) note(piece, name string) {
	if key := t.parts[piece].key; key == name {
		t.report.Taken = append(t.report.Taken, key)
	} else {
		t.report.Mapped = append(t.report.Mapped, Mapping{key, name})
	}
}

// pieces are the parts that make a parameter: qkv may be in three.
func (t *trunk) pieces(name string) []string {
	before, after, ok := strings.Cut(name, ".qkv.")
	if !ok || t.parts[name].read != nil {
		return []string{name}
	}
	pieces := []string{before + ".q." + after, before + ".k." + after, before + ".v." + after}
	if slices.ContainsFunc(pieces, func(piece string) bool { return t.parts[piece].read != nil }) {
		return pieces
	}
	return []string{name}
}

// gammaOf names the LayerScale that scales the rows of a parameter, "" if none can.
func gammaOf(name string) string {
	m := blockNumber.FindString(name)
	switch strings.TrimPrefix(name, m) {
	case "attn.proj.weight", "attn.proj.bias":
		return m + "ls1.gamma"
	case "mlp.fc2.weight", "mlp.fc2.bias":
		return m + "ls2.gamma"
	}
	return ""
}

// measureWidths reads dim, hidden and the patch size off the shapes.
func (t *trunk) measureWidths() error {
	cls, proj, fc1 := t.parts["cls_token"], t.parts["patch_embed.proj.weight"], t.parts["blocks.0.mlp.fc1.weight"]
	if len(cls.shape) == 0 || cls.shape[len(cls.shape)-1] < 1 {
		return fmt.Errorf("cls_token is %s, not [1 1 dim]", cls.text)
	}
	t.arch.Dim = cls.shape[len(cls.shape)-1]
	switch {
	case len(proj.shape) == 4 && proj.shape[1] == 3 && proj.shape[2] == proj.shape[3]:
		t.arch.PatchSize = proj.shape[3]
	case len(proj.shape) == 2 && proj.shape[1]%3 == 0: // older files have [dim 3·patch²]
		t.arch.PatchSize = squareRoot(proj.shape[1] / 3)
	}
	if t.arch.PatchSize < 1 {
		return fmt.Errorf("patch_embed.proj.weight is %s: want [dim 3 patch patch], square patches of three channels", proj.text)
	}
	if len(fc1.shape) != 2 || fc1.shape[0] < 1 {
		return fmt.Errorf("blocks.0.mlp.fc1.weight is %s, not [hidden dim]", fc1.text)
	}
	t.arch.MLPRatio = float64(fc1.shape[0]) / float64(t.arch.Dim)
	return nil
}

// measurePositions finds the grid: positions have a row for the class token, or, timm's
// no_embed_class, none.
func (t *trunk) measurePositions() error {
	pos := t.parts["pos_embed"]
	if len(pos.shape) != 3 || pos.shape[0] != 1 {
		return fmt.Errorf("pos_embed is %s, not [1 positions dim]", pos.text)
	}
	t.positionRows = pos.shape[1]
	grid := squareRoot(t.positionRows - 1)
	if grid == 0 {
		grid = squareRoot(t.positionRows)
		t.noClassRow = grid > 0
	}
	if grid == 0 {
		return fmt.Errorf("pos_embed has %d patch positions, which are not those of a square grid", t.positionRows-1)
	}
	t.arch.ImageSize = grid * t.arch.PatchSize
	if t.noClassRow {
		t.report.Mapped = slices.DeleteFunc(t.report.Mapped, func(m Mapping) bool { return m.To == "pos_embed" })
		t.report.Taken = slices.DeleteFunc(t.report.Taken, func(key string) bool { return key == "pos_embed" })
		t.report.Mapped = append(t.report.Mapped, Mapping{pos.key, "pos_embed (a row of zeros added for the class token)"})
	}
	return nil
}

// compareConfig: what pmx's metadata and a config.json say is so.
func (t *trunk) compareConfig(settings *Settings) error {
	a := t.arch
	compare := func(from string, pairs ...any) error {
		for i := 0; i < len(pairs); i += 3 {
			if stated, is := pairs[i+1].(int), pairs[i+2].(int); stated != 0 && stated != is {
				return fmt.Errorf("%s says %s %d, the weights have %d", from, pairs[i], stated, is)
			}
		}
		return nil
	}
	if ours := t.source.ours; ours != nil {
		t.arch.Epsilon, t.arch.Mean, t.arch.Std = ours.Epsilon, ours.Mean, ours.Std
		return compare("its metadata "+EncoderProperty, "image_size", ours.ImageSize, a.ImageSize, "patch_size", ours.PatchSize, a.PatchSize,
			"embed_dim", ours.Dim, a.Dim, "depth", ours.Depth, a.Depth, "mlp_ratio x embed_dim", ours.Hidden(), a.Hidden())
	}
	return compare(configFile, "image_size", settings.ImageSize, a.ImageSize, "patch_size", settings.PatchSize, a.PatchSize,
		"width", settings.Dim, a.Dim, "depth", settings.Depth, a.Depth, "hidden width", settings.Hidden, a.Hidden())
}

// checkPart compares the shape and type of a tensor with the architecture's.
func (t *trunk) checkPart(name string, p part) error {
	if !p.dtype.IsFloat() {
		return fmt.Errorf("%s is %s, not of floats", p.key, p.text)
	}
	want := onnxgraph.Shape(t.arch.shapeOf(name))
	switch {
	case name == "pos_embed":
		want[1] = t.positionRows
	case name == "patch_embed.proj.weight" && len(p.shape) == 2:
		want = onnxgraph.Shape{t.arch.Dim, 3 * t.arch.PatchSize * t.arch.PatchSize}
	}
	if !p.shape.Equal(want) {
		return fmt.Errorf("%s is %v, not %v", p.key, p.shape, want)
	}
	return nil
}

// tensor makes a parameter.
func (t *trunk) tensor(name string) (*onnxgraph.Tensor, error) {
	var data []float32
	for _, piece := range t.pieces(name) {
		read, err := t.float32s(piece)
		if err != nil {
			return nil, err
		}
		if data == nil {
			data = read
		} else {
			data = append(data, read...)
		}
	}
	if name == "pos_embed" && t.noClassRow {
		data = append(make([]float32, t.arch.Dim), data...)
	}
	if gamma := gammaOf(name); gamma != "" && t.parts[gamma].read != nil {
		scales, err := t.float32s(gamma)
		if err != nil {
			return nil, err
		}
		// x + γ⊙(W h + b) = x + (diag(γ) W) h + γ⊙b
		width := len(data) / len(scales)
		for i := range data {
			data[i] *= scales[i/width]
		}
	}
	return onnxgraph.NewTensor(t.arch.shapeOf(name), data), nil
}

func (t *trunk) float32s(name string) ([]float32, error) {
	tensor, err := t.parts[name].read()
	if err != nil {
		return nil, err
	}
	return tensor.Float32s(), nil
}
