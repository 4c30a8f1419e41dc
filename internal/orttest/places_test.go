package orttest

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// root is the module's folder.
const root = "../.."

// place is where a file says that a function stands in OrtApi.
type place struct {
	name string
	at   int
}

// tables are the files that hold places, and how each is read.
var tables = map[string]func(t *testing.T, text string) []place{
	"internal/ortapi/ortapi.go":  enum,
	"runtimes/device/api.h":      enum,
	"runtimes/orttraining/api.h": enum,
	"runtimes/kernels/ort_abi.h": macros,
}

// enum reads the constants below "Places in OrtApi."
func enum(t *testing.T, text string) (places []place) {
	found := regexp.MustCompile(`(?s)// Places in OrtApi\.\nenum \{(.*?)\}`).FindStringSubmatch(text)
	if found == nil {
		t.Fatal("no places are there")
	}
	for entry := range strings.SplitSeq(strings.TrimRight(withoutComments(found[1]), ", \n"), ",") {
		name, number, _ := strings.Cut(strings.TrimSpace(entry), " = ")
		places = append(places, place{name, parse(t, number)})
	}
	return places
}

// macros reads each use of the macro ORT by one for its function.
func macros(t *testing.T, text string) (places []place) {
	for _, m := range regexp.MustCompile(`#define Ort(\w+)\([^)]*\)[\s\\]+ORT\(api, (\d+),`).FindAllStringSubmatch(text, -1) {
		places = append(places, place{m[1], parse(t, m[2])})
	}
	if uses := strings.Count(text, "ORT(api, ") - 1; len(places) != uses { // one is its definition
		t.Errorf("%d of %d uses of ORT were read", len(places), uses)
	}
	return places
}

func parse(t *testing.T, number string) int {
	t.Helper()
	n, err := strconv.Atoi(number)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// TestPlaces: every function that is called stands at its place in OrtApi.
func TestPlaces(t *testing.T) {
	functions := Functions(t)
	for path, read := range tables {
		t.Run(path, func(t *testing.T) {
			text, err := os.ReadFile(filepath.Join(root, path))
			if err != nil {
				t.Fatal(err)
			}
			places := read(t, string(text))
			if len(places) < 5 {
				t.Errorf("only %d places were found", len(places))
			}
			for _, p := range places {
				if p.at >= len(functions) || functions[p.at] != p.name {
					t.Errorf("%s is not at place %d", p.name, p.at)
				}
			}
		})
	}
}

// TestTables: every file of ours that calls by places is read by TestPlaces.
func TestTables(t *testing.T) {
	// It asks a library for the table, or has a macro that calls a place of it.
	calls := regexp.MustCompile(`(?i)\(\*get_?api\)\(uint32_t|#define .*\[place\]`)
	var found []string
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if name := entry.Name(); entry.IsDir() && path != root && (name == "testdata" || name[0] == '.') {
			return fs.SkipDir
		}
		if !slices.Contains([]string{".c", ".h", ".go"}, filepath.Ext(path)) {
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if calls.Match(text) {
			inner, err := filepath.Rel(root, path)
			if err != nil {
				return err
			}
			found = append(found, filepath.ToSlash(inner))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range found {
		if tables[path] == nil {
			t.Errorf("no test reads the places in %s", path)
		}
	}
	if len(found) != len(tables) {
		t.Errorf("%q call by places, want %d", found, len(tables))
	}
}
