package cli

import (
	"os"
	"testing"
)

// missing skips a test whose prerequisite is not there, or fails it where all
// must be: in CI.
func missing(t testing.TB, what string) {
	t.Helper()
	required(t, what)
	t.Skip(what)
}

// required fails a test, where all prerequisites must be there.
func required(t testing.TB, what string) {
	t.Helper()
	if os.Getenv("CI") == "true" || os.Getenv("PMX_REQUIRE_ALL") == "1" {
		t.Fatalf("%s (needed here: CI=true or PMX_REQUIRE_ALL=1)", what)
	}
}
