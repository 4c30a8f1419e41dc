package op_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"pmx/onnxgraph"
)

// TestOneFilePerOperator holds the order of this folder: an operator is registered,
// alone, and made by a constructor, if it has one, in a file of its own name with a
// test beside it.
func TestOneFilePerOperator(t *testing.T) {
	registrations, constructors := map[string]int{}, map[string]string{} // by file; the file by name
	for path, file := range sources(t) {
		ast.Inspect(file, func(n ast.Node) bool {
			if call, ok := n.(*ast.SelectorExpr); ok && call.Sel.Name == "Register" {
				registrations[path]++
			}
			return true
		})
		for _, d := range file.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && f.Recv == nil {
				constructors[f.Name.Name] = path
			}
		}
	}
	files := map[string]string{} // by name without underscores
	for path := range registrations {
		files[strings.ReplaceAll(strings.TrimSuffix(path, ".go"), "_", "")] = path
	}
	for _, schema := range onnxgraph.Operators() {
		name := version.ReplaceAllString(schema.Name, "")
		path := files[strings.ToLower(name)]
		if path == "" && schema.Domain == onnxgraph.DomainPMX { // where ONNX has nearly the same name
			name = "PMX" + name
			path = files[strings.ToLower(name)]
		}
		if path == "" {
			t.Errorf("%s: no file of its name registers it", schema.ID())
			continue
		}
		if registrations[path] != 1 {
			t.Errorf("%s registers %d operators: give each a file", path, registrations[path])
		}
		delete(registrations, path)
		if made := constructors[name]; made != "" && made != path {
			t.Errorf("%s is made in %s, registered in %s", schema.ID(), made, path)
		}
		if _, err := os.Stat(strings.TrimSuffix(path, ".go") + "_test.go"); err != nil {
			t.Errorf("%s has no test beside it", path)
		}
	}
	for path := range registrations {
		t.Errorf("%s is not named like the operator that it registers", path)
	}
}

// version is the end of some of ONNX Runtime's names: SoftmaxGrad_13,
// InPlaceAccumulatorV2.
var version = regexp.MustCompile(`_13$|V2$`)

// sources are the package's files without its tests.
func sources(t *testing.T) map[string]*ast.File {
	t.Helper()
	paths, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]*ast.File{}
	for _, path := range paths {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		if files[path], err = parser.ParseFile(token.NewFileSet(), path, nil, parser.ParseComments); err != nil {
			t.Fatal(err)
		}
	}
	return files
}

// TestDocLinks: what doc.go names in brackets is a function of the package.
func TestDocLinks(t *testing.T) {
	files, exported := sources(t), map[string]bool{}
	for _, file := range files {
		for _, d := range file.Decls {
			if f, ok := d.(*ast.FuncDecl); ok {
				exported[f.Name.Name] = true
			}
		}
	}
	links := docLink.FindAllStringSubmatch(files["doc.go"].Doc.Text(), -1)
	if len(links) == 0 {
		t.Error("doc.go names no function in brackets")
	}
	for _, link := range links {
		if !exported[link[1]] {
			t.Errorf("doc.go names %s, which is no function here", link[1])
		}
	}
}

var docLink = regexp.MustCompile(`\[([A-Z]\w*)\]`)
