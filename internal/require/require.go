// Package require decides what a test does whose prerequisite is missing: a
// library, a data set, another program. On a developer's machine it skips with a
// message; where everything must run, with CI=true or PMX_REQUIRE_ALL=1, it fails.
package require

import (
	"os"
	"testing"
)

// All reports whether a missing prerequisite is a failure here.
func All() bool { return os.Getenv("CI") == "true" || os.Getenv("PMX_REQUIRE_ALL") == "1" }

// Missing ends a test that lacks what, a text or an error.
func Missing(t testing.TB, what any) {
	t.Helper()
	if All() {
		t.Fatalf("missing: %v (needed here: CI=true or PMX_REQUIRE_ALL=1)", what)
	}
	t.Skipf("missing: %v", what)
}
