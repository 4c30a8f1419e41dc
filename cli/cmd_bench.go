package cli

import "github.com/urfave/cli/v2"

var _ = register("bench", func() *cli.Command {
	return &cli.Command{Usage: "measure the speed of steps, products, views and runs"}
})
