package cli

import (
	"bytes"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// TestProgressPlain: where there is no terminal, a line every ten seconds.
func TestProgressPlain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		p := newProgress(&out, "reading", 100)
		for done := range int64(100) {
			time.Sleep(300 * time.Millisecond)
			p.update(done + 1)
		}
		p.done()
		want := "reading 34/100 (34%), 3.33/s, 20s left\nreading 68/100 (68%), 3.33/s, 10s left\n"
		if out.String() != want {
			t.Errorf("got\n%swant\n%s", &out, want)
		}
	})
}

// TestProgressTerminal: one line, rewritten, not wider than the terminal.
func TestProgressTerminal(t *testing.T) {
	var out bytes.Buffer
	p := newProgress(&out, "reading", 4000)
	p.columns, p.shown = 30, time.Time{}
	p.started = time.Now().Add(-2 * time.Second)
	p.update(1000)
	p.update(1001) // too soon to show
	p.update(4000) // the end is always shown
	p.done()
	lines := strings.Split(out.String(), "\r")
	if len(lines) != 5 || lines[1] != "reading 1,000/4,000 (25%), 50"[:29] || strings.TrimSpace(lines[3]) != "" || lines[4] != "" {
		t.Errorf("want two lines, an empty one, and a return: %q", lines)
	}
	for _, line := range lines {
		if len(line) > 29 {
			t.Errorf("%q does not fit", line)
		}
	}
}
