package errtest

import (
	"errors"
	"fmt"
	"testing"
)

// recorder is a test that notes what was wrong.
type recorder struct {
	testing.TB
	found int
}

func (r *recorder) Helper()               {}
func (r *recorder) Errorf(string, ...any) { r.found++ }
func (r *recorder) Fatalf(string, ...any) { panic(fmt.Sprintf("fatal after %d", r.found)) }

func TestOneLine(t *testing.T) {
	for _, c := range []struct {
		err   error
		parts []string
		found int
	}{
		{errors.New("a: b"), nil, 0},
		{errors.New("a: b"), []string{"a", "b"}, 0},
		{errors.New("a: b"), []string{"a", "c", "d"}, 2},
		{errors.New("a:\nb"), []string{"a"}, 1},
	} {
		r := &recorder{}
		if OneLine(r, c.err, c.parts...); r.found != c.found {
			t.Errorf("%q, %q: %d findings, want %d", c.err, c.parts, r.found, c.found)
		}
	}
	defer func() {
		if recover() == nil {
			t.Error("no error passes")
		}
	}()
	OneLine(&recorder{}, nil, "a")
}
