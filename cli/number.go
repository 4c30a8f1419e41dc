package cli

import (
	"errors"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"
)

// Numbers on the command line and of --set are read alike: in decimal, without the
// underscores and the other bases that Go has.

// parseFloat reads a number.
func parseFloat(text string) (float64, error) {
	if strings.ContainsAny(text, "_xX") {
		return 0, errors.New("not a decimal number")
	}
	return strconv.ParseFloat(text, 64)
}

// plainNumber is the value of a flag as urfave/cli, to which 010 is 8, reads it right,
// or what is wanted instead. Other values than numbers stay as they are.
func plainNumber(flag cli.Flag, value string) (plain, want string) {
	switch flag.(type) {
	case *cli.IntFlag, *cli.Int64Flag:
		n, err := strconv.ParseInt(value, 10, 64)
		if err != nil {
			return "", "a whole number"
		}
		return strconv.FormatInt(n, 10), ""
	case *cli.Uint64Flag:
		n, err := strconv.ParseUint(value, 10, 64)
		if err != nil {
			return "", "a whole number, 0 or more"
		}
		return strconv.FormatUint(n, 10), ""
	case *cli.Float64Flag:
		if _, err := parseFloat(value); err != nil {
			return "", "a number"
		}
	}
	return value, ""
}
