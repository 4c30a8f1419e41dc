package cli

import (
	"strings"

	"github.com/urfave/cli/v2"

	"pmx/internal/registry"
)

// builder makes a command. It is called again for each run of the program,
// because urfave/cli keeps state in its commands.
type builder func() *cli.Command

var commands = registry.New[builder]("cli", "command")

// register adds a command under its path: "train", or "eval knn", whose group
// "eval" is registered by itself with no Action.
func register(path string, build builder) builder { return commands.Add(path, build) }

// tree makes the registered commands, those of groups inside their groups.
func tree() []*cli.Command {
	var top []*cli.Command
	groups := map[string]*cli.Command{}
	for path, build := range commands.All() { // sorted, so a group comes before its members
		c := build()
		if c.Action != nil && path != "train" && path != "finetune" { // these save, which takes as long as it takes
			c.Action = endsSoon(c.Action)
		}
		parent, name, nested := strings.Cut(path, " ")
		if !nested {
			c.Name = path
			top, groups[path] = append(top, c), c
			continue
		}
		c.Name = name
		group := groups[parent]
		if group == nil {
			panic("cli: command " + path + " has no group " + parent)
		}
		group.Subcommands = append(group.Subcommands, c)
	}
	return top
}
