package weights

import (
	"fmt"
	"slices"
	"strings"
)

// Report says what was done with every key of a file.
type Report struct {
	Layout  string   // Layout.Title
	Encoder string   // which of several was taken, in the words of the file
	Others  []string // the file's other encoders
	// Taken are keys whose tensors were taken as they are, without root and prefix;
	// Mapped those under other names or in other pieces, with where they went.
	Taken  []string
	Mapped []Mapping
	// Dropped are keys that are left out by a rule, with root and prefix.
	Dropped []string
	// Missing and Unexpected are in the error of a file that cannot be taken.
	Missing, Unexpected []string
	// Beside are the classes of Python objects that the file holds besides tensors. None
	// was made.
	Beside    []string
	HeadsFrom string       // "metadata", "config.json", "layout" or "given"
	Rule      PositionRule // of the layout
	Notes     []string
}

// Mapping is the way of a key.
type Mapping struct{ From, To string }

// KeysError says that a file has not the keys that it should have.
type KeysError struct {
	Path   string
	Report Report
}

func (e *KeysError) Error() string {
	var parts []string
	for _, list := range []struct {
		what string
		keys []string
	}{{"missing", e.Report.Missing}, {"not known", e.Report.Unexpected}} {
		switch n := len(list.keys); {
		case n == 1:
			parts = append(parts, fmt.Sprintf("%.100s is %s", list.keys[0], list.what))
		case n > 1:
			parts = append(parts, fmt.Sprintf("%d keys are %s: %s", n, list.what, shorten(list.keys)))
		}
	}
	return fmt.Sprintf("weights: %s (%s) cannot be taken: %s", e.Path, e.Report.Layout, strings.Join(parts, "; "))
}

// shorten names the first of many keys.
func shorten(keys []string) string {
	const shown = 4
	short := slices.Clone(keys[:min(shown, len(keys))])
	for i, key := range short {
		short[i] = fmt.Sprintf("%.60s", key)
	}
	if len(keys) > shown {
		short = append(short, "...")
	}
	return strings.Join(short, ", ")
}
