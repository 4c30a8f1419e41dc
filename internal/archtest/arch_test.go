// Package archtest holds the import table of the project as a test.
//
// It parses the files itself: a test that asked the go command would be served
// from the test cache after an import changed, because the cache sees only the
// files that the test itself reads.
package archtest

import (
	"fmt"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "pmx"

// rooms lists, for each room, the rooms that it may import besides itself and
// internal/*. A package belongs to the room with the longest name that is a
// prefix of its path.
var rooms = map[string][]string{
	"onnxgraph":             {},
	"onnxgraph/op":          {"onnxgraph"},
	"onnxgraph/autodiff":    {"onnxgraph", "onnxgraph/op"},
	"onnxgraph/gradcheck":   {"onnxgraph", "onnxgraph/autodiff"},
	"onnxgraph/conformance": {"onnxgraph"},
	"step":                  {"onnxgraph"},
	"builders":              {"onnxgraph", "onnxgraph/op", "onnxgraph/autodiff", "step"},
	"images":                {"onnxgraph"},
	"patchmix":              {"onnxgraph", "images"},
	"detection":             {"onnxgraph", "images", "detection/coco"},
	"detection/coco":        {"onnxgraph"},
	"artifacts":             {"onnxgraph"},
	"runtimes":              {"onnxgraph", "onnxgraph/op", "step", "artifacts"},
	"training":              {"onnxgraph", "step", "artifacts", "runtimes"},
	"export":                {"onnxgraph", "onnxgraph/op", "step", "builders", "artifacts", "runtimes"},
	"evaluation":            {"onnxgraph", "onnxgraph/op", "step", "builders", "images", "artifacts", "runtimes", "export"},
	"tasks":                 {"onnxgraph", "onnxgraph/op", "step", "builders", "images", "patchmix", "detection", "detection/coco", "artifacts", "runtimes", "training", "export", "evaluation"},
	"cli":                   {"onnxgraph", "onnxgraph/op", "onnxgraph/autodiff", "step", "builders", "images", "patchmix", "detection", "detection/coco", "artifacts", "runtimes", "training", "export", "evaluation", "tasks"},
	"examples":              {"images", "runtimes", "tasks", "training"},
	"cmd":                   {"cli"},
	"internal":              {},
}

// External tests (package x_test) may import what they need to check a package
// against, except for these: the rooms must stay apart in what they test, too.
var apart = map[string][]string{
	"images":         {"patchmix", "artifacts", "runtimes", "training", "export", "evaluation", "detection", "detection/coco", "tasks", "cli"},
	"patchmix":       {"artifacts", "runtimes", "training", "export", "evaluation", "detection", "detection/coco", "tasks", "cli"},
	"artifacts":      {"images", "patchmix", "runtimes", "training", "export", "evaluation", "detection", "detection/coco", "tasks", "cli"},
	"export":         {"images", "patchmix", "training", "evaluation", "detection", "detection/coco", "tasks", "cli"},
	"evaluation":     {"detection", "detection/coco"},
	"detection":      {"evaluation"},
	"detection/coco": {"evaluation"},
}

// internalUses are the modules that packages of internal/ may use; all others of
// them have the standard library only.
var internalUses = map[string][]string{
	"internal/onnxpb":     {"google.golang.org/protobuf"},
	"internal/progress":   {"golang.org/x/term"},
	"internal/onnxgotest": {"github.com/owulveryck/onnx-go", "gorgonia.org/tensor", "gonum.org/v1/gonum/graph"},
}

// forTests are packages that no program of ours may depend on: only test files
// import them, and the helpers among them that are ours.
var forTests = []string{
	"github.com/owulveryck/onnx-go", "gorgonia.org/tensor", "pgregory.net/rapid", "github.com/google/go-cmp",
	module + "/internal/onnxgotest", module + "/images/imagestest",
}

// file is a Go file with what decides on its imports.
type file struct {
	path     string // slash-separated, from the root
	external bool   // of a package x_test
	imports  []string
}

func (f file) dir() string    { return f.path[:max(0, strings.LastIndexByte(f.path, '/'))] }
func (f file) isTest() bool   { return strings.HasSuffix(f.path, "_test.go") }
func (f file) String() string { return f.path }

// TestImports checks every Go file of the module.
func TestImports(t *testing.T) {
	files := parseAll(t, root(t))
	seen := map[string]bool{}
	for _, f := range files {
		for _, fault := range faults(f) {
			t.Error(fault)
		}
		seen[roomOf(f.dir())] = true
	}
	for room := range rooms {
		if !seen[room] {
			t.Errorf("the table has a room %s, which has no Go file", room)
		}
	}
}

// TestFaults shows what the rules refuse.
func TestFaults(t *testing.T) {
	cases := []struct {
		file file
		want string // "" for none
	}{
		{file{"onnxgraph/graph.go", false, []string{"fmt", "pmx/internal/onnxpb", "google.golang.org/protobuf/proto"}}, ""},
		{file{"onnxgraph/graph.go", false, []string{"pmx/onnxgraph/op"}}, "onnxgraph/graph.go: onnxgraph imports onnxgraph/op, which the table does not allow"},
		{file{"onnxgraph/graph_test.go", false, []string{"pmx/onnxgraph/op"}}, "onnxgraph/graph_test.go: onnxgraph imports onnxgraph/op"},
		{file{"onnxgraph/graph_test.go", true, []string{"pmx/onnxgraph", "pmx/onnxgraph/op", "pgregory.net/rapid"}}, ""},
		{file{"artifacts/manifest.go", false, []string{"pmx/artifacts/safetensors", "pmx/onnxgraph"}}, ""},
		{file{"artifacts/safetensors/reader.go", false, []string{"pmx/training"}}, "artifacts/safetensors/reader.go: artifacts imports training"},
		{file{"patchmix/loader.go", false, []string{"pmx/builders"}}, "patchmix imports builders"},
		{file{"patchmix/loader_test.go", true, []string{"pmx/artifacts/safetensors"}}, "patchmix/loader_test.go: tests of patchmix import artifacts, which is to stay apart"},
		{file{"training/loop.go", false, []string{"pmx/patchmix"}}, "training imports patchmix"},
		{file{"training/loop.go", false, []string{"pmx/export"}}, "training imports export"},
		{file{"export/write.go", false, []string{"pmx/builders", "pmx/runtimes"}}, ""},
		{file{"export/write.go", false, []string{"pmx/patchmix"}}, "export imports patchmix"},
		{file{"evaluation/knn.go", false, []string{"pmx/detection/coco"}}, "evaluation imports detection"},
		{file{"evaluation/knn_test.go", true, []string{"pmx/detection/coco"}}, "tests of evaluation import detection"},
		{file{"cmd/pmx/main.go", false, []string{"os", "pmx/cli"}}, ""},
		{file{"cmd/pmx/main.go", false, []string{"pmx/training"}}, "cmd imports training"},
		{file{"internal/golden/golden.go", false, []string{"testing", "pmx/internal/registry"}}, ""},
		{file{"internal/golden/golden.go", false, []string{"pmx/onnxgraph"}}, "internal imports onnxgraph"},
		{file{"internal/golden/golden.go", false, []string{"golang.org/x/sys/unix"}}, "internal/golden uses golang.org/x/sys/unix: internal packages have the standard library only"},
		{file{"internal/onnxpb/onnx.pb.go", false, []string{"google.golang.org/protobuf/proto"}}, ""},
		{file{"onnxgraph/graph.go", false, []string{"pgregory.net/rapid"}}, "onnxgraph/graph.go: pgregory.net/rapid is for tests"},
		{file{"internal/onnxgotest/onnxgotest.go", false, []string{"gorgonia.org/tensor"}}, ""},
		{file{"export/read.go", false, []string{"pmx/internal/onnxgotest"}}, "export/read.go: pmx/internal/onnxgotest is for tests"},
		{file{"export/onnxgo_test.go", false, []string{"pmx/internal/onnxgotest"}}, ""},
		{file{"models/vit.go", false, []string{"fmt"}}, "models/vit.go: the table has no room for models"},
		{file{"training/loop.go", false, []string{"pmx/models"}}, "training/loop.go: the table has no room for models"},
	}
	for _, c := range cases {
		got := strings.Join(faults(c.file), "; ")
		if (got == "") != (c.want == "") || !strings.Contains(got, c.want) {
			t.Errorf("%v %v gives %q, want %q", c.file, c.file.imports, got, c.want)
		}
	}
}

// faults lists the imports of a file that break a rule.
func faults(f file) []string {
	room := roomOf(f.dir())
	if room == "" {
		return []string{fmt.Sprintf("%s: the table has no room for %s", f.path, f.dir())}
	}
	var out []string
	for _, path := range f.imports {
		if fault := importFault(f, room, path); fault != "" {
			out = append(out, f.path+": "+fault)
		}
	}
	return out
}

func importFault(f file, room, path string) string {
	isForTests := func(path string) bool {
		return slices.ContainsFunc(forTests, func(m string) bool { return within(path, m) })
	}
	if !f.isTest() && isForTests(path) && !isForTests(module+"/"+f.dir()) {
		return path + " is for tests"
	}
	inner, ours := strings.CutPrefix(path, module+"/")
	if !ours {
		switch {
		case room == "internal" && !f.isTest() && strings.Contains(strings.Split(path, "/")[0], "."):
			if !slices.ContainsFunc(internalUses[f.dir()], func(m string) bool { return within(path, m) }) {
				return fmt.Sprintf("%s uses %s: internal packages have the standard library only", f.dir(), path)
			}
		}
		return ""
	}
	to := roomOf(inner)
	switch {
	case to == "":
		return "the table has no room for " + inner
	case to == room || to == "internal":
		return ""
	case f.external:
		if slices.Contains(apart[room], to) {
			return fmt.Sprintf("tests of %s import %s, which is to stay apart", room, to)
		}
		return ""
	case !slices.Contains(rooms[room], to):
		return fmt.Sprintf("%s imports %s, which the table does not allow", room, to)
	}
	return ""
}

// roomOf gives the room of a package's folder, "" if there is none.
func roomOf(dir string) string {
	best := ""
	for room := range rooms {
		if within(dir, room) && len(room) > len(best) {
			best = room
		}
	}
	return best
}

func within(path, prefix string) bool { return path == prefix || strings.HasPrefix(path, prefix+"/") }

// root is the folder of go.mod.
func root(t *testing.T) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		up := filepath.Dir(dir)
		if up == dir {
			t.Fatal("no go.mod above the test's folder")
		}
		dir = up
	}
}

// parseAll reads the imports of every Go file of the module. Folders that the go
// command does not look into are left out.
func parseAll(t *testing.T, root string) []file {
	t.Helper()
	var files []file
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := entry.Name()
		if entry.IsDir() {
			if path != root && (name == "testdata" || name[0] == '.' || name[0] == '_') {
				return fs.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(name, ".go") || name[0] == '.' || name[0] == '_' {
			return nil
		}
		syntax, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		inner, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		f := file{path: filepath.ToSlash(inner), external: strings.HasSuffix(syntax.Name.Name, "_test")}
		for _, spec := range syntax.Imports {
			imported, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return err
			}
			f.imports = append(f.imports, imported)
		}
		files = append(files, f)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}
