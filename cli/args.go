package cli

import (
	"regexp"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"pmx/internal/registry"
)

// arrange finds the command that args name and moves its flags before its
// arguments, so that `pmx export RUN --out x` works as well as `pmx export --out
// x RUN`. Unknown commands and flags are errors that suggest the nearest; so
// are absent flags that are required, and arguments where a command has none.
func arrange(cs []*cli.Command, called string, args []string) ([]string, error) {
	var path []string
	for {
		if len(args) == 0 {
			return path, nil
		}
		if isHelp(args[0]) {
			return append(path, "--help"), nil
		}
		if args[0] == "help" { // `pmx help train` is `pmx train --help`
			args = append(args[1:], "--help")
			continue
		}
		if strings.HasPrefix(args[0], "-") {
			return nil, usageErrorf("unknown flag %s before the command, see `%s --help`", args[0], called)
		}
		i := slices.IndexFunc(cs, func(c *cli.Command) bool { return c.HasName(args[0]) })
		if i < 0 {
			var names []string
			for _, c := range cs {
				names = append(names, c.Name)
			}
			return nil, usageErrorf("unknown command %q%s, see `%s --help`", called+" "+args[0], didYouMean(args[0], names), called)
		}
		path, called, args = append(path, args[0]), called+" "+args[0], args[1:]
		if len(cs[i].Subcommands) == 0 {
			rest, err := flagsFirst(cs[i], called, args)
			return append(path, rest...), err
		}
		cs = cs[i].Subcommands
	}
}

// flagsFirst moves the flags of command c before its arguments.
func flagsFirst(c *cli.Command, called string, args []string) ([]string, error) {
	var flags, given, positional []string
	setting := false // behind --set KEY=VALUE, where more of them may follow
	for len(args) > 0 {
		arg := args[0]
		args = args[1:]
		if setting && isAssignment(arg) {
			flags = append(flags, "--set", arg)
			continue
		}
		setting = false
		if arg == "--" {
			positional = append(positional, args...)
			break
		}
		if isHelp(arg) {
			return []string{"--help"}, nil
		}
		if !strings.HasPrefix(arg, "-") || arg == "-" {
			positional = append(positional, arg)
			continue
		}
		name, value, inline := strings.Cut(strings.TrimLeft(arg, "-"), "=")
		flag, known := findFlag(c, name)
		if flag == nil {
			return nil, usageErrorf("unknown flag --%s%s, see `%s --help`", name, flagMeant(c, name, known), called)
		}
		given = append(given, flag.Names()[0])
		setting = name == "set"
		if _, isBool := flag.(*cli.BoolFlag); isBool {
			flags = append(flags, arg)
			continue
		}
		if !inline {
			if len(args) == 0 {
				return nil, usageErrorf("flag %s needs a value, see `%s --help`", arg, called)
			}
			value, args = args[0], args[1:]
		}
		plain, want := plainNumber(flag, value)
		if want != "" {
			return nil, usageErrorf("--%s %s: want %s, see `%s --help`", name, value, want, called)
		}
		if inline {
			flags = append(flags, arg[:len(arg)-len(value)]+plain)
		} else {
			flags = append(flags, arg, plain)
		}
	}
	for _, f := range c.Flags {
		required, ok := f.(cli.RequiredFlag)
		if ok && required.IsRequired() && !slices.Contains(given, f.Names()[0]) {
			return nil, usageErrorf("`%s` needs --%s, see `%s --help`", called, f.Names()[0], called)
		}
	}
	if len(positional) > 0 && c.ArgsUsage == "" {
		return nil, usageErrorf("`%s` takes no argument, got %q, see `%s --help`", called, positional[0], called)
	}
	if len(positional) == 0 {
		return flags, nil
	}
	return append(append(flags, "--"), positional...), nil
}

// findFlag finds a flag of c by name; without success it is nil, and names
// lists the flags that there are.
func findFlag(c *cli.Command, name string) (flag cli.Flag, names []string) {
	for _, f := range c.Flags {
		if slices.Contains(f.Names(), name) {
			return f, nil
		}
		names = append(names, f.Names()[0])
	}
	return nil, names
}

// assigned is KEY=VALUE, or several with commas between them.
var assigned = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*=`)

// isAssignment reports whether an argument is one that --set takes.
func isAssignment(arg string) bool { return assigned.MatchString(arg) }

func isHelp(arg string) bool { return arg == "-h" || arg == "--help" || arg == "-help" }

// didYouMean is `, did you mean "train"?`, or nothing where nothing is near.
func didYouMean(name string, candidates []string) string {
	if near := registry.Nearest(name, candidates); near != "" {
		return `, did you mean "` + near + `"?`
	}
	return ""
}
