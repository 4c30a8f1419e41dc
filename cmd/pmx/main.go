// Command pmx trains vision transformers by self-supervised contrastive
// learning. Everything it does is in package cli.
package main

import (
	"context"
	"os"

	"pmx/cli"
)

func main() { os.Exit(cli.Main(context.Background(), os.Args[1:], os.Stdout, os.Stderr)) }
