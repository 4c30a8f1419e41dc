package conformance

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"pmx/internal/require"
)

// MustLoad is Load for tests. Where the cases are absent it skips the test, or
// fails it where everything must run: with CI=true or PMX_REQUIRE_ALL=1.
func MustLoad(t *testing.T) ([]Case, []LeftOut) {
	t.Helper()
	dir, err := Dir()
	if err != nil {
		require.Missing(t, err)
	}
	cases, left, err := Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(cases) == 0 {
		t.Fatalf("no case under %s can be run", dir)
	}
	return cases, left
}

// Summary says how many cases ran where and, by reason and operator, which did not.
func Summary(where string, ran int, left []LeftOut) string {
	byReason := map[string]map[string]int{}
	for _, l := range left {
		if byReason[l.Reason] == nil {
			byReason[l.Reason] = map[string]int{}
		}
		byReason[l.Reason][l.Operator]++
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %d of ONNX's operator cases ran, %d were left out", where, ran, len(left))
	for _, reason := range slices.Sorted(maps.Keys(byReason)) {
		operators, total := []string{}, 0
		for _, op := range slices.Sorted(maps.Keys(byReason[reason])) {
			operators = append(operators, fmt.Sprintf("%s %d", op, byReason[reason][op]))
			total += byReason[reason][op]
		}
		fmt.Fprintf(&b, "\n  %d: %s: %s", total, reason, strings.Join(operators, ", "))
	}
	return b.String()
}
