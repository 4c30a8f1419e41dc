package weights

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"

	"pmx/onnxgraph"
)

// Options say what a file may not say, and what of it is wanted.
type Options struct {
	// Heads is the number of attention heads, 0 if the file or its layout is to say it.
	Heads int
	// Encoder names one of several: base or momentum, or student or teacher; "" is that
	// whose results are published.
	Encoder string
	// ImageSize, unless 0, is the size of images that positions are resized to, by Rule,
	// or by the layout's own with "".
	ImageSize int
	Rule      PositionRule
}

// Read reads the encoder of a file or folder of any layout. Nothing of it is executed,
// and only the encoder's tensors are read. The report is there with a KeysError too.
func Read(path string, o Options) (*Encoder, *Report, error) {
	s, err := openSource(path)
	if err != nil {
		return nil, nil, err
	}
	defer s.Close()
	layout, branches, err := recognise(s)
	if err != nil {
		return nil, nil, err
	}
	if layout.Refuse != "" {
		return nil, nil, fmt.Errorf("weights: %s (%s) cannot be taken: %s", path, layout.Title, layout.Refuse)
	}
	e, report, err := take(s, layout, branches, o)
	if _, keys := errors.AsType[*KeysError](err); err != nil && !keys {
		err = fmt.Errorf("weights: %s (%s) cannot be taken: %w", path, layout.Title, err)
	}
	if err == nil && o.ImageSize != 0 {
		err = e.Resize(cmp.Or(o.Rule, layout.Rule), o.ImageSize)
	}
	if err != nil {
		return nil, report, err
	}
	return e, report, nil
}

// take reads one encoder.
func take(s *Source, l *Layout, branches []Branch, o Options) (*Encoder, *Report, error) {
	branch, err := choose(branches, o.Encoder)
	if err != nil {
		return nil, nil, err
	}
	report := &Report{Layout: l.Title, Encoder: cmp.Or(branch.Alias, branch.Name), Beside: s.beside, Rule: l.Rule}
	for _, b := range branches {
		if b != branch {
			report.Others = append(report.Others, cmp.Or(b.Alias, b.Name))
		}
	}
	t := &trunk{source: s, report: report, parts: map[string]part{}}
	if err := t.collect(l, branch); err != nil {
		return nil, report, err
	}
	settings := Settings{Epsilon: defaultEpsilon, Mean: imageNetMean, Std: imageNetStd}
	if l.Configure != nil {
		if err := l.Configure(s, &settings); err != nil {
			return nil, report, err
		}
	}
	if err := t.measure(&settings); err != nil {
		return nil, report, err
	}
	if err := t.chooseHeads(&settings, l, o.Heads); err != nil {
		return nil, report, err
	}
	report.Notes = append(report.Notes, settings.Notes...)
	e := &Encoder{Architecture: t.arch, Metadata: maps.Clone(s.props)}
	if e.Tensors, err = t.read(); err != nil {
		return nil, report, err
	}
	return e, report, nil
}

// chooseHeads goes by pmx's metadata, config.json, the caller, the layout.
func (t *trunk) chooseHeads(settings *Settings, l *Layout, given int) error {
	stated, from := settings.Heads, cmp.Or(settings.HeadsFrom, configFile)
	if t.source.ours != nil {
		stated, from = t.source.ours.Heads, "metadata"
	}
	switch usual := l.Heads[t.arch.Dim]; {
	case stated != 0 && given != 0 && given != stated:
		return fmt.Errorf("its %s says %d heads, not %d: leave out --heads", from, stated, given)
	case stated != 0:
		t.arch.Heads, t.report.HeadsFrom = stated, from
	case given != 0:
		t.arch.Heads, t.report.HeadsFrom = given, "given"
		if usual != 0 && usual != given {
			t.report.Notes = append(t.report.Notes, fmt.Sprintf("%d heads as given; %s has %d at this width", given, l.Title, usual))
		}
	case usual != 0:
		t.arch.Heads, t.report.HeadsFrom = usual, "layout"
	default:
		return fmt.Errorf("the number of attention heads is not in the file, and a wrong one gives other features without an error: give it with --heads (a width of %d is %s)", t.arch.Dim, usualHeads(t.arch.Dim))
	}
	if t.arch.Heads < 1 || t.arch.Dim%t.arch.Heads != 0 {
		return fmt.Errorf("%d heads do not divide the width %d: give another number with --heads", t.arch.Heads, t.arch.Dim)
	}
	return nil
}

// usualHeads tells what published models of a width have, for a message.
func usualHeads(dim int) string {
	by := map[int][]string{}
	for _, l := range layouts.All() {
		if n := l.Heads[dim]; n != 0 {
			by[n] = append(by[n], l.Title)
		}
	}
	text := ""
	for _, n := range slices.Sorted(maps.Keys(by)) {
		text += fmt.Sprintf(", %d in %s", n, shorten(by[n]))
	}
	if text == "" {
		return "of no published model"
	}
	return text[2:]
}

// maxExpansion is how many times as large as its file an encoder may be in memory:
// float16 doubles, deflate can do more.
const maxExpansion = 4

// read makes the tensors.
func (t *trunk) read() (map[string]*onnxgraph.Tensor, error) {
	total := int64(0)
	names := ParameterNames(t.arch.Depth)
	for _, name := range names {
		total += 4 * int64(onnxgraph.Shape(t.arch.shapeOf(name)).Size())
	}
	if most := maxExpansion*t.source.size + 1<<20; total > most {
		return nil, fmt.Errorf("its weights take %d bytes, out of a file of %d", total, t.source.size)
	}
	tensors := make(map[string]*onnxgraph.Tensor, len(names))
	for _, name := range names {
		tensor, err := t.tensor(name)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		tensors[name] = tensor
	}
	return tensors, nil
}
