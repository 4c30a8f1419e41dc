package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/urfave/cli/v2"
)

// TestExamplesResolve: every line of a help text and of the README that begins with
// pmx is a command line that this program takes, and its recipe is valid. Nothing
// is run.
func TestExamplesResolve(t *testing.T) {
	examples := readmeExamples(t)
	if n := len(examples); n < 10 {
		t.Errorf("%d examples in the README: are they found?", n)
	}
	app := newApp(io.Discard, io.Discard)
	for _, line := range exampleLines(app.Description) {
		examples[line] = "pmx --help"
	}
	var visit func(path string, cs []*cli.Command)
	visit = func(path string, cs []*cli.Command) {
		for _, c := range cs {
			for _, line := range exampleLines(c.Description) {
				examples[line] = path + c.Name + " --help"
			}
			visit(path+c.Name+" ", c.Subcommands)
		}
	}
	visit("pmx ", app.Commands)

	// What an example reads with --config; it is made by another.
	p, err := json.Marshal(quickstart(t))
	if err != nil {
		t.Fatal(err)
	}
	config := filepath.Join(t.TempDir(), "mine.json")
	writeText(t, config, string(p))
	for line, where := range examples {
		for part := range strings.SplitSeq(line, " && ") {
			part, _, _ = strings.Cut(part, " > ")
			args := strings.Fields(part)[1:]
			if i := slices.Index(args, "--config"); i >= 0 && i+1 < len(args) {
				args[i+1] = config
			}
			if err := resolves(args); err != nil {
				t.Errorf("%s: %s: %v", where, part, err)
			}
		}
	}
}

// TestExamplesAreHeld: the check finds what it is there for.
func TestExamplesAreHeld(t *testing.T) {
	text := "pmx train --preset cifar-tiny --set warmup_epochs=900 \\\n    --out x     never begins\nand pmx is not always an example"
	lines := exampleLines(text)
	if want := []string{"pmx train --preset cifar-tiny --set warmup_epochs=900 --out x"}; !slices.Equal(lines, want) {
		t.Fatalf("examples %q, want %q", lines, want)
	}
	for line, want := range map[string]string{
		lines[0]:                      "warmup_epochs is 900",
		"pmx preview --preset photos": "needs --out",
		"pmx export runs/x --quick":   "unknown flag --quick",
		"pmx presets cifar-tinny":     "unknown preset",
	} {
		if err := resolves(strings.Fields(line)[1:]); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", line, err, want)
		}
	}
}

// resolves says what is wrong with a command line up to the point where it would run.
func resolves(args []string) error {
	app := newApp(io.Discard, io.Discard)
	args, err := arrange(app.Commands, app.Name, args)
	if err != nil {
		return err
	}
	ran := false
	var hold func(cs []*cli.Command)
	hold = func(cs []*cli.Command) {
		for _, c := range cs {
			hold(c.Subcommands)
			if c.Action != nil && c.Name != "presets" { // which prints recipes and does nothing else
				c.Action = func(c *cli.Context) error {
					ran = true
					return checkRecipe(c)
				}
			}
		}
	}
	hold(app.Commands)
	if err := app.Run(append([]string{app.Name}, args...)); err != nil || ran || slices.Contains(args, "presets") {
		return err
	}
	return fmt.Errorf("no command is run")
}

// checkRecipe checks the recipe of a command that takes one.
func checkRecipe(c *cli.Context) error {
	flag, _ := findFlag(c.Command, "preset")
	if flag == nil || c.Bool("resume") {
		return nil
	}
	named := slices.ContainsFunc([]string{"preset", "task", "config"}, c.IsSet)
	if !named && (c.IsSet("init") || slices.Contains([]string{"linear", "finetune"}, c.Command.Name)) {
		return nil // the recipe is a run's, or the command has a preset of its own
	}
	_, err := validRecipe(c)
	return err
}

var comment = regexp.MustCompile(`   *[^ ].*$`)

// exampleLines are the lines of a text that begin with pmx, without what is said
// about them behind several spaces; lines that end in \ go on.
func exampleLines(text string) []string {
	text = regexp.MustCompile(`\\\n *`).ReplaceAllString(text, "")
	var examples []string
	for line := range strings.Lines(text) {
		line = strings.TrimPrefix(strings.TrimSpace(line), "bin/")
		if strings.HasPrefix(line, "pmx ") {
			examples = append(examples, comment.ReplaceAllString(line, ""))
		}
	}
	return examples
}

// readmeExamples are those of the README and of docs/: in blocks of code, and those
// within a line that name a recipe and are whole.
func readmeExamples(t *testing.T) map[string]string {
	examples := map[string]string{}
	pages, err := filepath.Glob("../docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, page := range append(pages, "../README.md") {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		pageExamples(examples, filepath.Base(page), string(text))
	}
	return examples
}

// pageExamples adds those of one page.
func pageExamples(examples map[string]string, page, text string) {
	for i, block := range strings.Split(text, "\n```") {
		if i%2 == 1 {
			for _, line := range exampleLines(block) {
				examples[line] = page
			}
			continue
		}
		for _, code := range regexp.MustCompile("`([^`]*--preset [^`]*)`").FindAllStringSubmatch(block, -1) {
			line := code[1]
			if strings.HasPrefix(line, "--") {
				line = "pmx bench step " + line
			}
			if strings.HasPrefix(line, "pmx train ") && !strings.Contains(line, "--out ") {
				line += " --out RUN"
			}
			if !strings.Contains(line, "...") {
				examples[line] = page
			}
		}
	}
}
