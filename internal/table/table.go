// Package table aligns what is printed in columns.
package table

import (
	"fmt"
	"io"
	"text/tabwriter"
)

// Table aligns rows of cells; Flush ends it.
type Table struct{ *tabwriter.Writer }

// New begins a table on out.
func New(out io.Writer) Table { return Table{tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)} }

// Row adds cells, each formatted by %v.
func (t Table) Row(cells ...any) {
	for i, cell := range cells {
		if i > 0 {
			fmt.Fprint(t, "\t")
		}
		fmt.Fprint(t, cell)
	}
	fmt.Fprintln(t)
}
