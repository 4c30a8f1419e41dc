package export

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"

	"pmx/artifacts"
	"pmx/artifacts/safetensors"
	"pmx/builders"
	"pmx/onnxgraph"
)

// ReadEncoder takes an encoder from a checkpoint, or from a run's newest one: the
// one called root (builders.BaseEncoder or MomentumEncoder), or with "" the one that
// builders.FeatureEncoder chooses.
func ReadEncoder(ctx context.Context, path, root string) (*Encoder, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("export: %w: name a run or a checkpoint", err)
	}
	if !info.IsDir() {
		return readCheckpoint(ctx, path, root, "")
	}
	run, err := artifacts.ViewRun(path)
	if err != nil {
		return nil, err
	}
	manifest, err := run.ReadManifest()
	if err != nil {
		return nil, err
	}
	return readNewest(ctx, run.Checkpoints(), func(path string) (*Encoder, error) {
		return readCheckpoint(ctx, path, root, manifest.ConfigHash)
	})
}

// readNewest reads the newest checkpoint once, where Latest would have read it through
// before. Of none and of a damaged one Latest says what to do. Where a training has
// deleted it before it is opened (train --keep), there is a newer one.
func readNewest(ctx context.Context, c artifacts.Checkpoints, read func(path string) (*Encoder, error)) (*Encoder, error) {
	for gone := int64(-1); ; {
		newest, err := c.Newest()
		if err != nil {
			return nil, err
		}
		e, err := read(c.Path(newest))
		if errors.Is(err, fs.ErrNotExist) && newest > gone {
			gone = newest
			continue
		}
		if (err != nil || e.Step != newest) && ctx.Err() == nil {
			if _, damaged := c.Latest(); damaged != nil {
				return nil, damaged
			}
		}
		return e, err
	}
}

// readCheckpoint wants a checkpoint of a configuration's hash, unless that is "".
func readCheckpoint(ctx context.Context, path, root, configHash string) (*Encoder, error) {
	r, err := artifacts.OpenCheckpoint(path)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	if configHash != "" {
		if err := r.CheckConfig(configHash); err != nil {
			return nil, err
		}
	}
	config, err := configOf(r.Arch)
	if err != nil {
		return nil, fmt.Errorf("export: %s does not say its architecture: %w", path, err)
	}
	if err := CheckArchitecture(path, builders.Architecture(config)); err != nil {
		return nil, err
	}
	momentum := slices.ContainsFunc(r.Infos(), func(t safetensors.Info) bool {
		return strings.HasPrefix(t.Name, builders.MomentumEncoder+".")
	})
	e := &Encoder{Config: config, Root: root, Path: path, Step: r.Step}
	if root == "" {
		e.Root = builders.FeatureEncoder(momentum)
	}
	if e.Tensors, err = readTensors(ctx, r, e.Root); err != nil {
		return nil, err
	}
	if len(e.Tensors) == 0 {
		if root == builders.MomentumEncoder {
			return nil, fmt.Errorf("export: %s was trained without a momentum encoder: leave out --encoder momentum", path)
		}
		return nil, fmt.Errorf("export: %s holds no %s.*: it is not of an encoder", path, e.Root)
	}
	return e, nil
}

// CheckArchitecture compares the architecture that a checkpoint names with the
// configuration of the run in whose folder it lies, if it lies in one. The checksum of an
// older checkpoint does not cover it. The weights are good without a configuration: one
// that is lost or damaged is not compared.
func CheckArchitecture(checkpoint string, a builders.ArchitectureInfo) error {
	run, ok := artifacts.RunOf(checkpoint)
	if !ok {
		return nil
	}
	var config json.RawMessage
	if run.ReadConfig(&config) != nil {
		return nil
	}
	if err := a.CheckConfig(config); err != nil {
		return fmt.Errorf("export: %s: %w", checkpoint, err)
	}
	return nil
}

// readTensors keeps the tensors under a root, by what follows it. The others are read
// too, for the checksum, one at a time.
func readTensors(ctx context.Context, r *artifacts.CheckpointReader, root string) (map[string]*onnxgraph.Tensor, error) {
	tensors := map[string]*onnxgraph.Tensor{}
	for t, err := range r.Verified() {
		if err := cmp.Or(context.Cause(ctx), err); err != nil {
			return nil, err
		}
		if name, ok := strings.CutPrefix(t.Name, root+"."); ok {
			tensors[name] = t.Tensor
		}
	}
	return tensors, nil
}

// configOf is the part of a configuration that an encoder needs.
func configOf(architecture json.RawMessage) (builders.ViTConfig, error) {
	var a builders.ArchitectureInfo
	if err := json.Unmarshal(architecture, &a); err != nil {
		return builders.ViTConfig{}, err
	}
	c := builders.ViTConfig{ImageSize: a.ImageSize, PatchSize: a.PatchSize, Dim: a.Dim, Depth: a.Depth, Heads: a.Heads, MLPRatio: a.MLPRatio}
	if min(c.ImageSize, c.PatchSize, c.Dim, c.Depth, c.Heads, c.MLPRatio) < 1 || c.ImageSize%c.PatchSize != 0 || c.Dim%c.Heads != 0 {
		return c, fmt.Errorf("%s makes no vision transformer", architecture)
	}
	return c, nil
}
