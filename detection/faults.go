package detection

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"

	"pmx/internal/progress"
)

// faults counts what is left out of a data set, by kind, in the order of appearance.
type faults struct {
	kinds []*fault
}

type fault struct {
	what  string // what is wrong, and what is done
	count int
	first string
}

// add notes one more of a kind; first names it, for the first of them is told.
func (f *faults) add(what, format string, args ...any) {
	for _, k := range f.kinds {
		if k.what == what {
			k.count++
			return
		}
	}
	f.kinds = append(f.kinds, &fault{what, 1, fmt.Sprintf(format, args...)})
}

// notes are a line for each kind.
func (f *faults) notes(of string) []string {
	var lines []string
	for _, k := range f.kinds {
		lines = append(lines, fmt.Sprintf("%s: %s: %s, the first is %s", of, k.what, progress.Count(int64(k.count)), k.first))
	}
	return lines
}

// digest is the SHA-256 of texts, each preceded by its length.
func digest(parts ...string) string {
	h := sha256.New()
	for _, p := range parts {
		fmt.Fprintf(h, "%d:%s", len(p), p)
	}
	return "sha256:" + hex.EncodeToString(h.Sum(nil))
}

// withoutRoom is the text of an error without the name of the package that begins it.
func withoutRoom(err error) string {
	text := err.Error()
	for _, room := range []string{"images: ", "coco: ", "detection: "} {
		text = strings.TrimPrefix(text, room)
	}
	return text
}
