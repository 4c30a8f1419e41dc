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
	"pmx/step"
)

// ReadEncoder takes an encoder from a checkpoint, or from a run's newest one: the
// one called root (builders.BaseEncoder or MomentumEncoder), or with "" the one that
// builders.FeatureEncoder chooses, or the only one of a run that has one.
func ReadEncoder(ctx context.Context, path, root string) (*Encoder, error) {
	w, err := readWeights(ctx, path, func(r *artifacts.CheckpointReader) string {
		if root != "" {
			return root
		}
		return encoderOf(r)
	})
	if err != nil {
		return nil, err
	}
	config, err := w.config()
	if err != nil {
		return nil, err
	}
	if len(w.tensors) == 0 {
		if root == builders.MomentumEncoder {
			return nil, fmt.Errorf("export: %s was trained without a momentum encoder: leave out --encoder momentum", w.path)
		}
		return nil, fmt.Errorf("export: %s holds no %s.*: it is not of an encoder", w.path, cmp.Or(w.root, builders.BaseEncoder))
	}
	return &Encoder{Config: config, Root: w.root, Path: w.path, Step: w.header.Step, Tensors: w.tensors}, nil
}

// encoderOf chooses an encoder of a checkpoint; "" is that of a task with one encoder,
// whose parameters have no prefix.
func encoderOf(r *artifacts.CheckpointReader) string {
	has := func(root string) bool {
		return slices.ContainsFunc(r.Infos(), func(t safetensors.Info) bool { return strings.HasPrefix(t.Name, root) })
	}
	if has("patch_embed.") {
		return ""
	}
	return builders.FeatureEncoder(has(builders.MomentumEncoder + "."))
}

// ReadClassifier takes a classifier of a configuration from a checkpoint, or from a
// run's newest one. Names and preprocessing are the caller's to add.
func ReadClassifier(ctx context.Context, path string, c builders.ClassifierConfig) (*Classifier, error) {
	w, err := readWeights(ctx, path, func(*artifacts.CheckpointReader) string { return "" })
	if err != nil {
		return nil, err
	}
	if _, err := w.config(); err != nil {
		return nil, err
	}
	return &Classifier{Config: c, Path: w.path, Step: w.header.Step, Tensors: w.tensors}, nil
}

// ReadParameters takes the parameters of a task without an encoder of its own, and the
// running statistics of its batch norms, from a checkpoint or from a run's newest one.
func ReadParameters(ctx context.Context, path string) (map[string]*onnxgraph.Tensor, error) {
	w, err := readWeights(ctx, path, func(*artifacts.CheckpointReader) string { return "" })
	if err != nil {
		return nil, err
	}
	return w.tensors, nil
}

// stored are the weights under a root in a checkpoint.
type stored struct {
	path    string
	root    string
	header  artifacts.CheckpointHeader
	tensors map[string]*onnxgraph.Tensor // by what follows the root
}

// config is the architecture that the checkpoint names, compared with its run's.
func (w *stored) config() (builders.ViTConfig, error) {
	c, err := configOf(w.header.Arch)
	if err != nil {
		return c, fmt.Errorf("export: %s does not say its architecture: %w", w.path, err)
	}
	return c, CheckArchitecture(w.path, builders.Architecture(c))
}

// readWeights reads those under the root that choose names from a checkpoint, or from a
// run's newest one.
func readWeights(ctx context.Context, path string, choose func(r *artifacts.CheckpointReader) string) (*stored, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("export: %w: name a run or a checkpoint", err)
	}
	if !info.IsDir() {
		return readCheckpoint(ctx, path, choose, "")
	}
	run, err := artifacts.ViewRun(path)
	if err != nil {
		return nil, err
	}
	manifest, err := run.ReadManifest()
	if err != nil {
		return nil, err
	}
	return readNewest(ctx, run.Checkpoints(), func(path string) (*stored, error) {
		return readCheckpoint(ctx, path, choose, manifest.ConfigHash)
	})
}

// readNewest reads the newest checkpoint once, where Latest would have read it through
// before. Of none and of a damaged one Latest says what to do. Where a training has
// deleted it before it is opened (train --keep), there is a newer one.
func readNewest(ctx context.Context, c artifacts.Checkpoints, read func(path string) (*stored, error)) (*stored, error) {
	for gone := int64(-1); ; {
		newest, err := c.Newest()
		if err != nil {
			return nil, err
		}
		w, err := read(c.Path(newest))
		if errors.Is(err, fs.ErrNotExist) && newest > gone {
			gone = newest
			continue
		}
		if (err != nil || w.header.Step != newest) && ctx.Err() == nil {
			if _, damaged := c.Latest(); damaged != nil {
				return nil, damaged
			}
		}
		return w, err
	}
}

// readCheckpoint wants a checkpoint of a configuration's hash, unless that is "".
func readCheckpoint(ctx context.Context, path string, choose func(r *artifacts.CheckpointReader) string, configHash string) (*stored, error) {
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
	w := &stored{path: path, root: choose(r), header: r.CheckpointHeader}
	w.tensors, err = readTensors(ctx, r, w.root)
	return w, err
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
		if root == "" {
			if step.KindOf(t.Name) == step.Param {
				tensors[t.Name] = t.Tensor
			}
		} else if name, ok := strings.CutPrefix(t.Name, root+"."); ok {
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
