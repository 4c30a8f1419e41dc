// Package errtest checks error messages in tests: what they say, and that they
// are one line, as the command line prints them.
package errtest

import (
	"strings"
	"testing"
)

// OneLine asks for an error of one line with all parts in it.
func OneLine(t testing.TB, err error, parts ...string) {
	t.Helper()
	if err == nil {
		t.Fatalf("no error, want one saying %q", parts)
	}
	for _, part := range parts {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("error %q does not say %q", err, part)
		}
	}
	if strings.Contains(err.Error(), "\n") {
		t.Errorf("error of several lines: %q", err)
	}
}
