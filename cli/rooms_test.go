package cli

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"pmx/internal/require"
)

// TestRooms: rooms names every package of the program, except for cuda, whose own name
// begins an error of it, and no other.
func TestRooms(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", "-f", `{{with .Module}}{{if .Main}}{{$.Dir}}{{"\t"}}{{$.Name}}{{end}}{{end}}`, "pmx/cmd/pmx").Output()
	if err != nil {
		require.Missing(t, "the go command does not list the program's packages: "+err.Error())
	}
	var want []string
	for line := range strings.Lines(string(out)) {
		dir, name, ok := strings.Cut(strings.TrimSpace(line), "\t")
		if ok && name != "cuda" && namesItself(t, dir, name) {
			want = append(want, name)
		}
	}
	slices.Sort(want)
	if !slices.Equal(rooms, want) {
		t.Errorf("rooms are\n%q, want\n%q", rooms, want)
	}
}

// namesItself reports whether a string in the package begins with its name, as
// errors do: "training: ".
func namesItself(t *testing.T, dir, name string) (found bool) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), ".go") || strings.HasSuffix(e.Name(), "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(dir, e.Name()), nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			if l, ok := n.(*ast.BasicLit); ok && l.Kind == token.STRING {
				text, err := strconv.Unquote(l.Value)
				found = found || err == nil && strings.HasPrefix(text, name+": ")
			}
			return true
		})
	}
	return found
}
