package require

import (
	"fmt"
	"testing"
)

// recorder is a test that notes how it ended.
type recorder struct {
	testing.TB
	ended string
}

func (r *recorder) Helper() {}
func (r *recorder) Fatalf(text string, args ...any) {
	r.ended = "failed: " + fmt.Sprintf(text, args...)
}
func (r *recorder) Skipf(text string, args ...any) {
	if r.ended == "" { // a real Fatalf does not return
		r.ended = "skipped: " + fmt.Sprintf(text, args...)
	}
}

func TestMissing(t *testing.T) {
	for _, c := range []struct{ ci, all, want string }{
		{"", "", "skipped: missing: no library"},
		{"false", "0", "skipped: missing: no library"},
		{"true", "", "failed: missing: no library (needed here: CI=true or PMX_REQUIRE_ALL=1)"},
		{"", "1", "failed: missing: no library (needed here: CI=true or PMX_REQUIRE_ALL=1)"},
	} {
		t.Setenv("CI", c.ci)
		t.Setenv("PMX_REQUIRE_ALL", c.all)
		r := &recorder{}
		Missing(r, "no library")
		if r.ended != c.want {
			t.Errorf("CI=%q PMX_REQUIRE_ALL=%q: %s, want %s", c.ci, c.all, r.ended, c.want)
		}
	}
}
