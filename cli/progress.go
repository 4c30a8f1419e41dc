package cli

import (
	"fmt"
	"io"
	"time"

	"pmx/internal/progress"
)

// progressLine shows how far a long piece of work has come: a line that is
// rewritten on a terminal, and one every ten seconds elsewhere.
type progressLine struct {
	out     io.Writer
	what    string
	total   int64
	started time.Time
	shown   time.Time
	columns int // of the terminal; 0: there is none
	width   int // of the line on it
}

// newProgress begins to show work of total units.
func newProgress(out io.Writer, what string, total int64) *progressLine {
	now := time.Now()
	p := &progressLine{out: out, what: what, total: total, started: now, columns: progress.TerminalWidth(out)}
	if p.columns == 0 {
		p.shown = now
	}
	return p
}

// update says how many units are done.
func (p *progressLine) update(done int64) {
	now := time.Now()
	since := now.Sub(p.shown)
	line := progress.Line(p.what, done, p.total, now.Sub(p.started))
	switch {
	case p.columns == 0 && since >= progress.PlainEvery:
		fmt.Fprintln(p.out, line)
	case p.columns > 0 && (since >= 100*time.Millisecond || done >= p.total):
		p.rewrite(line)
	default:
		return
	}
	p.shown = now
}

// done takes the line on a terminal away.
func (p *progressLine) done() {
	if p.columns > 0 {
		p.rewrite("")
		fmt.Fprint(p.out, "\r")
	}
}

// rewrite shows as much of the line as fits: a longer one could not be taken back.
func (p *progressLine) rewrite(line string) {
	runes := []rune(line)
	runes = runes[:min(len(runes), max(p.columns-1, 0))]
	fmt.Fprintf(p.out, "\r%-*s", p.width, string(runes))
	p.width = len(runes)
}
