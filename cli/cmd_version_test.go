package cli

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"pmx/internal/golden"
)

// TestLicences: pmx version --licences has the whole texts, as they lie beside the sources:
// pmx's own, that of its images, and those of Go and of exactly the modules that are compiled
// in. -update writes licences.txt.
func TestLicences(t *testing.T) {
	want := compiledInLicences(t)
	if golden.Updating() {
		if err := os.WriteFile("licences.txt", []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if moduleLicences != want {
		t.Errorf("licences.txt is not what is compiled in, in all modules or their versions or texts: run go test ./cli -run '^TestLicences$' -update")
	}
	var out strings.Builder
	if err := printLicences(&out); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"LICENSE", filepath.Join("images", "sample", "LICENSE")} {
		text, err := os.ReadFile(filepath.Join("..", path))
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(out.String(), "\n"+string(text)+"\n") {
			t.Errorf("the text of %s is not there: is cli/LICENSE a copy of LICENSE?", path)
		}
	}
	if !strings.HasSuffix(out.String(), want) {
		t.Error("it does not end with the texts of what is compiled in")
	}
}

// licenceName matches the files that go with every copy of a module.
var licenceName = regexp.MustCompile(`(?i)^(un)?licen[cs]e|licen[cs]e$|^copying|^notice|^patents`)

// compiledInLicences is what licences.txt has to be: for Go and each module, in order, the
// texts of its root, of the folders of its packages that are compiled in, and of the folder
// of what it took from others.
func compiledInLicences(t *testing.T) string {
	t.Helper()
	goRoot, folders := compiledIn(t)
	var b strings.Builder
	add := func(name, root string, inner []string) {
		found := 0
		for _, folder := range inner {
			entries, err := os.ReadDir(filepath.Join(root, folder))
			if err != nil {
				t.Fatal(err)
			}
			for _, e := range entries {
				if e.IsDir() || !licenceName.MatchString(e.Name()) {
					continue
				}
				text, err := os.ReadFile(filepath.Join(root, folder, e.Name()))
				if err != nil {
					t.Fatal(err)
				}
				found++
				fmt.Fprintf(&b, "==== %s: %s ====\n\n%s\n\n", name, filepath.ToSlash(filepath.Join(folder, e.Name())), bytes.TrimSpace(text))
			}
		}
		if found == 0 {
			t.Errorf("%s has no licence", name)
		}
	}
	add("Go", goRoot, []string{"."})
	for _, module := range slices.Sorted(maps.Keys(folders)) {
		root := folders[module].root
		inner := folders[module].packages
		if _, err := os.Stat(filepath.Join(root, thirdParty)); err == nil {
			inner = append(inner, thirdParty)
		}
		slices.Sort(inner)
		add(module, root, slices.Compact(inner))
	}
	return b.String()
}

// thirdParty is where gonum keeps the licences of what it took from others.
const thirdParty = "THIRD_PARTY_LICENSES"

// moduleFolders are a module's folder, and inside it those of its packages and all above.
type moduleFolders struct {
	root     string
	packages []string
}

// compiledIn asks the go command which modules the program consists of.
func compiledIn(t *testing.T) (goRoot string, modules map[string]moduleFolders) {
	t.Helper()
	// What the go command reads is not seen by the test cache: that goes by these files.
	for _, name := range []string{"go.mod", "go.sum"} {
		if _, err := os.ReadFile(filepath.Join("..", name)); err != nil {
			t.Fatal(err)
		}
	}
	root, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		t.Fatal(err)
	}
	list := exec.Command("go", "list", "-deps", "-json=Dir,Module", "./cmd/pmx")
	list.Dir = ".."
	list.Stderr = os.Stderr
	out, err := list.Output()
	if err != nil {
		t.Fatal(err)
	}
	modules = map[string]moduleFolders{}
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		var p struct {
			Dir    string
			Module *struct {
				Path, Version, Dir string
				Main               bool
			}
		}
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		if p.Module == nil || p.Module.Main {
			continue
		}
		name := p.Module.Path + " " + p.Module.Version
		inner, err := filepath.Rel(p.Module.Dir, p.Dir)
		if err != nil {
			t.Fatal(err)
		}
		m := modules[name]
		m.root = p.Module.Dir
		for ; inner != "."; inner = filepath.Dir(inner) {
			m.packages = append(m.packages, inner)
		}
		m.packages = append(m.packages, ".")
		modules[name] = m
	}
	if len(modules) < 10 {
		t.Fatalf("the program consists of %d modules", len(modules))
	}
	return strings.TrimSpace(string(root)), modules
}
