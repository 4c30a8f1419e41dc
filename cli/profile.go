package cli

import (
	"fmt"
	"io"
	"os"
	"time"

	"pmx/training"
)

// readProfile sums up the trace in a file, without its first skip steps.
func readProfile(path string, skip int) (*training.Profile, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	p, err := training.ReadProfile(file, skip)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return p, nil
}

// printProfile shows where the time of a step goes: by part, then by operator.
func printProfile(out io.Writer, p *training.Profile) error {
	ms := func(t time.Duration) string { return fmt.Sprintf("%.2f", t.Seconds()*1e3) }
	share := func(t time.Duration) string { return fmt.Sprintf("%.1f%%", 100*p.Share(t)) }
	fmt.Fprintf(out, "a step takes %s ms with the trace, mean of %d\n\n", ms(p.Step), p.Steps)

	t := newTable(out)
	t.row("part", "ms", "share")
	for _, part := range []training.Part{training.PartForward, training.PartBackward, training.PartOptimizer, training.PartOther} {
		t.row(part, ms(p.Parts[part]), share(p.Parts[part]))
	}
	t.row("between nodes", ms(p.Between), share(p.Between))
	if err := t.Flush(); err != nil {
		return err
	}
	fmt.Fprintln(out)

	t = newTable(out)
	t.row("operator", "nodes", "ms", "share")
	for _, o := range p.Operators {
		cells := []any{o.Name, fmt.Sprintf("%.4g", o.Nodes), ms(o.Time), share(o.Time)}
		if o.Product {
			cells = append(cells, "product")
		}
		t.row(cells...)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintf(out, "\nmatrix products %s, all else %s\n", share(p.Products), share(p.Step-p.Products))
	return err
}
