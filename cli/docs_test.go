package cli

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/urfave/cli/v2"

	"pmx/internal/golden"
	"pmx/internal/keys"
	"pmx/tasks"
)

// TestGeneratedDocs: docs/commands.md and docs/recipe-keys.md are what the program says
// of itself. -update writes them.
func TestGeneratedDocs(t *testing.T) {
	for name, text := range map[string]string{"commands.md": commandsPage(), "recipe-keys.md": keysPage()} {
		path := filepath.Join("..", "docs", name)
		if golden.Updating() {
			if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
			continue
		}
		if got, err := os.ReadFile(path); err != nil || string(got) != text {
			t.Errorf("%s is not what the program says (%v): run go test ./cli -run TestGeneratedDocs -update", path, err)
		}
	}
}

// commandsPage is a section for each command.
func commandsPage() string {
	var b strings.Builder
	b.WriteString("# Commands\n\nGenerated from the program: `pmx COMMAND --help` says the same.\n")
	var visit func(path string, cs []*cli.Command)
	visit = func(path string, cs []*cli.Command) {
		for _, c := range cs {
			if c.Name == "help" {
				continue
			}
			called := path + " " + c.Name
			if len(c.Subcommands) > 0 {
				visit(called, c.Subcommands)
				continue
			}
			fmt.Fprintf(&b, "\n## %s\n\n%s.\n\n```\n%s\n```\n", strings.TrimSpace(called+" "+c.ArgsUsage), c.Usage, strings.TrimSpace(c.Description))
			if len(c.Flags) == 0 {
				continue
			}
			b.WriteString("\n| flag | meaning |\n| --- | --- |\n")
			for _, f := range c.Flags {
				if f.Names()[0] == "help" {
					continue
				}
				fmt.Fprintf(&b, "| `--%s` | %s |\n", f.Names()[0], strings.ReplaceAll(usageOf(f), "|", "\\|"))
			}
		}
	}
	visit("pmx", newApp(io.Discard, io.Discard).Commands)
	return b.String()
}

func usageOf(f cli.Flag) string {
	if d, ok := f.(cli.DocGenerationFlag); ok {
		return d.GetUsage()
	}
	return ""
}

// keysPage is a table of the keys of each kind of recipe.
func keysPage() string {
	var b strings.Builder
	b.WriteString("# Recipe keys\n\nGenerated from the program. `--set KEY=VALUE` changes a key; `pmx presets NAME` prints a preset's values.\n")
	seen := map[string]bool{}
	for name, task := range tasks.All() {
		r := task.New()
		kind := fmt.Sprintf("%T", r)
		if seen[kind] || name == "mean-colour" { // the tests' own
			continue
		}
		seen[kind] = true
		var same []string
		for other, t := range tasks.All() {
			if fmt.Sprintf("%T", t.New()) == kind {
				same = append(same, other)
			}
		}
		fmt.Fprintf(&b, "\n## %s\n\n| key | meaning | bounds |\n| --- | --- | --- |\n", strings.Join(same, ", "))
		for _, k := range keys.Of(r) {
			bounds := ""
			if k.Numeric() {
				bounds = k.Bounds.String()
			}
			fmt.Fprintf(&b, "| `%s` | %s | %s |\n", k.Name, strings.ReplaceAll(k.Help, "|", "\\|"), bounds)
		}
	}
	return b.String()
}
