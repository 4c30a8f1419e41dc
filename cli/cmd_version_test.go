package cli

import (
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"testing"
)

// TestLicences: the whole texts, as they lie beside the source, and the modules that
// were compiled in, not those that they replaced.
func TestLicences(t *testing.T) {
	var out strings.Builder
	modules := []*debug.Module{
		{Path: "example.com/a", Version: "v1.2.0"},
		{Path: "example.com/b", Version: "v1.3.0", Replace: &debug.Module{Path: "example.com/fork", Version: "v1.4.0"}},
	}
	if err := printLicences(&out, modules); err != nil {
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
	if want := "\nexample.com/a v1.2.0\nexample.com/fork v1.4.0\n"; !strings.HasSuffix(out.String(), want) {
		t.Errorf("it does not end with the modules %q:\n%s", want, out.String())
	}
}
