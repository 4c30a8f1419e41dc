package cli

import (
	"bytes"
	"testing"
	"time"
)

func TestProgress(t *testing.T) {
	p := newProgress(&bytes.Buffer{}, "reading", 4000)
	if p.out != nil {
		t.Error("progress is shown on what is not a terminal")
	}
	p.update(1000) // shows nothing, and does not crash
	p.done()
	if got, want := p.line(1000, 2*time.Second), "reading 1,000/4,000 (25%), 500/s, 6s left"; got != want {
		t.Errorf("line = %q, want %q", got, want)
	}
	var out bytes.Buffer
	p.out = &out
	p.update(1000)
	p.update(1001) // too soon to show
	p.update(4000) // the end is always shown
	p.done()
	if n := bytes.Count(out.Bytes(), []byte("\r")); n != 4 {
		t.Errorf("%d lines, want 2, an empty one, and a return: %q", n, out.String())
	}
}
