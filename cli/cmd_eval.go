package cli

import "github.com/urfave/cli/v2"

var _ = register("eval", func() *cli.Command {
	return &cli.Command{Usage: "measure how good an encoder's features are"}
})
