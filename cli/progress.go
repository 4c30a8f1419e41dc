package cli

import (
	"fmt"
	"io"
	"os"
	"time"

	"golang.org/x/term"
)

// progress shows how far a long piece of work has come: one line that is
// rewritten on a terminal, nothing elsewhere.
type progress struct {
	out     io.Writer
	what    string
	total   int64
	started time.Time
	shown   time.Time
	width   int
}

// newProgress begins to show work of total units, if out is a terminal.
func newProgress(out io.Writer, what string, total int64) *progress {
	p := &progress{what: what, total: total, started: time.Now()}
	if f, ok := out.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		p.out = out
	}
	return p
}

// update says how many units are done.
func (p *progress) update(done int64) {
	now := time.Now()
	if p.out == nil || now.Sub(p.shown) < 100*time.Millisecond && done < p.total {
		return
	}
	p.shown = now
	p.show(p.line(done, now.Sub(p.started)))
}

// line is what update shows after some time.
func (p *progress) line(done int64, elapsed time.Duration) string {
	rate := float64(done) / max(elapsed.Seconds(), 1e-9)
	left := time.Duration(float64(p.total-done) / max(rate, 1e-9) * float64(time.Second))
	return fmt.Sprintf("%s %s/%s (%.0f%%), %.0f/s, %v left",
		p.what, humanCount(done), humanCount(p.total), 100*float64(done)/float64(max(p.total, 1)), rate, left.Round(time.Second))
}

// done takes the line away.
func (p *progress) done() {
	if p.out != nil {
		p.show("")
		fmt.Fprint(p.out, "\r")
	}
}

func (p *progress) show(line string) {
	fmt.Fprintf(p.out, "\r%-*s", p.width, line)
	p.width = len(line)
}
