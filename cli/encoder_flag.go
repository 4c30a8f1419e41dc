package cli

import (
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
	o, err := openOptions(c)
	if err != nil {
		return nil, err
	}
	e, report, err := export.Open(c.Context, path, o)
	if err != nil {
		return nil, err
	}
	printTaken(c.App.ErrWriter, path, e, report)
	return e, nil
}

// openOptions are what encoderFlag and headsFlag choose.
func openOptions(c *cli.Context) (o export.OpenOptions, err error) {
	if c.Int("heads") < 0 {
		return o, usageErrorf("--heads %d: want 1 or more", c.Int("heads"))
	}
	o.Heads = c.Int("heads")
	o.Root, err = rootOf(c.String("encoder"))
	return o, err
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
