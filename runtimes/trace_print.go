package runtimes

import (
	"fmt"
	"io"
	"time"

	"pmx/internal/table"
)

// Print shows where the time of a step goes: by part, then by operator.
func (p *Profile) Print(out io.Writer) error {
	ms := func(t time.Duration) string { return fmt.Sprintf("%.2f", t.Seconds()*1e3) }
	share := func(t time.Duration) string { return fmt.Sprintf("%.1f%%", 100*p.Share(t)) }
	fmt.Fprintf(out, "a step takes %s ms with the trace, mean of %d\n\n", ms(p.Step), p.Steps)

	t := table.New(out)
	t.Row("part", "ms", "share")
	for _, part := range []Part{PartForward, PartBackward, PartOptimizer, PartOther} {
		t.Row(part, ms(p.Parts[part]), share(p.Parts[part]))
	}
	t.Row("between nodes", ms(p.Between), share(p.Between))
	if err := t.Flush(); err != nil {
		return err
	}
	fmt.Fprintln(out)

	t = table.New(out)
	t.Row("operator", "nodes", "ms", "share")
	for _, o := range p.Operators {
		cells := []any{o.Name, fmt.Sprintf("%.4g", o.Nodes), ms(o.Time), share(o.Time)}
		if o.Product {
			cells = append(cells, "product")
		}
		t.Row(cells...)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintf(out, "\nmatrix products %s, all else %s\n", share(p.Products), share(p.Step-p.Products))
	return err
}
