package cli

import (
	"github.com/urfave/cli/v2"

	"pmx/builders"
)

// encoderFlag chooses between the encoders of a training.
func encoderFlag() cli.Flag {
	return &cli.StringFlag{Name: "encoder", Usage: "take the run's `base|momentum` encoder; default: the momentum encoder where there is one, as published results do"}
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
