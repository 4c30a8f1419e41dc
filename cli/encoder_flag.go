package cli

import (
	"fmt"

	"github.com/urfave/cli/v2"

	"pmx/builders"
	"pmx/export"
)

// encoderFlag chooses between the encoders of a training.
func encoderFlag() cli.Flag {
	return &cli.StringFlag{Name: "encoder", Usage: "take the run's `base|momentum` encoder; default: the momentum encoder where there is one, as published results do"}
}

// headsFlag says what plain weights do not.
func headsFlag() cli.Flag {
	return &cli.IntFlag{Name: "heads", Usage: "attention heads of a block, for weights that do not say it"}
}

// openEncoder takes the encoder that the flags choose from a run, a checkpoint, or a file
// or folder of weights, and says what it took of weights that others wrote.
func openEncoder(c *cli.Context, path string) (*export.Encoder, error) {
	root, err := rootOf(c.String("encoder"))
	if err != nil {
		return nil, err
	}
	if c.Int("heads") < 0 {
		return nil, usageErrorf("--heads %d: want 1 or more", c.Int("heads"))
	}
	e, report, err := export.Open(c.Context, path, export.OpenOptions{Root: root, Heads: c.Int("heads")})
	if err != nil || report == nil {
		return e, err
	}
	which := ""
	if report.Encoder != "" {
		which = ", " + report.Encoder
	}
	fmt.Fprintf(c.App.ErrWriter, "%s: %s%s; %d tensors taken, %d under other names, %d dropped; %d heads (%s)\n",
		path, report.Layout, which, len(report.Taken), len(report.Mapped), len(report.Dropped), e.Config.Heads, report.HeadsFrom)
	printNotes(c.App.ErrWriter, report.Notes)
	return e, nil
}

// rootOf is the encoder that encoderFlag names, "" where it leaves the choice.
func rootOf(choice string) (string, error) {
	switch choice {
	case "":
		return "", nil
	case "base":
		return builders.BaseEncoder, nil
	case "momentum":
		return builders.MomentumEncoder, nil
	}
	return "", usageErrorf("--encoder %s: want base or momentum", choice)
}
