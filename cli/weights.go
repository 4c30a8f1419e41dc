package cli

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"pmx/artifacts"
	"pmx/artifacts/safetensors"
	"pmx/builders"
	"pmx/onnxgraph"
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

// encoderWeights are an encoder's weights with the names that they have in a
// training (base_encoder.*), and its architecture.
type encoderWeights struct {
	Config  builders.Config
	Root    string // builders.BaseEncoder or MomentumEncoder
	Tensors map[string]*onnxgraph.Tensor
	Path    string // of the checkpoint
	Step    int64
}

// readEncoder takes an encoder from a checkpoint, or from a run's newest one: the
// one called root, or with "" builders.Config.FeatureEncoder.
func readEncoder(path, root string) (*encoderWeights, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("%w: name a run or a checkpoint", err)
	}
	if info.IsDir() {
		run, err := artifacts.ViewRun(path)
		if err != nil {
			return nil, err
		}
		step, err := run.Checkpoints().Latest()
		if err != nil {
			return nil, err
		}
		path = run.Checkpoints().Path(step)
	}
	checkpoint, err := artifacts.ReadCheckpoint(path)
	if err != nil {
		return nil, err
	}
	config, err := configOf(checkpoint.Arch)
	if err != nil {
		return nil, fmt.Errorf("%s does not say its architecture: %w", path, err)
	}
	w := &encoderWeights{Config: config, Root: root, Tensors: map[string]*onnxgraph.Tensor{}, Path: path, Step: checkpoint.Step}
	w.Config.MomentumEncoder = slices.ContainsFunc(checkpoint.Tensors, func(t safetensors.Named) bool {
		return strings.HasPrefix(t.Name, builders.MomentumEncoder+".")
	})
	if root == "" {
		w.Root = w.Config.FeatureEncoder()
	}
	for _, t := range checkpoint.Tensors {
		if strings.HasPrefix(t.Name, w.Root+".") {
			w.Tensors[t.Name] = t.Tensor
		}
	}
	if len(w.Tensors) == 0 {
		if root == builders.MomentumEncoder {
			return nil, fmt.Errorf("%s was trained without a momentum encoder: leave out --encoder momentum", path)
		}
		return nil, fmt.Errorf("%s holds no %s.*: it is not of an encoder", path, w.Root)
	}
	return w, nil
}

// configOf is the part of a configuration that an encoder needs.
func configOf(architecture json.RawMessage) (builders.Config, error) {
	var a builders.ArchitectureInfo
	if err := json.Unmarshal(architecture, &a); err != nil {
		return builders.Config{}, err
	}
	c := builders.Config{ImageSize: a.ImageSize, PatchSize: a.PatchSize, Dim: a.Dim, Depth: a.Depth, Heads: a.Heads, MLPRatio: a.MLPRatio}
	if min(c.ImageSize, c.PatchSize, c.Dim, c.Depth, c.Heads, c.MLPRatio) < 1 || c.ImageSize%c.PatchSize != 0 || c.Dim%c.Heads != 0 {
		return c, fmt.Errorf("%s makes no vision transformer", architecture)
	}
	return c, nil
}
