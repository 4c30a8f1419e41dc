package export

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"pmx/artifacts"
	"pmx/artifacts/safetensors"
	"pmx/builders"
	"pmx/internal/atomicfile"
	"pmx/onnxgraph"
)

// Endings of exported files' names.
const (
	ModelExt   = ".onnx"
	WeightsExt = ".safetensors"
)

// File is one that was written and verified.
type File struct {
	Path string
	// Difference is the largest of its features from the training graph's, relative
	// to the largest feature.
	Difference float64
}

// CheckName says whether Write takes a name with these options. The ending says what
// is written: the model with the weights beside it, or the weights alone, which have
// no options.
func CheckName(path string, o builders.EncoderOptions) error {
	if o.Resize > 0 && (!o.Preprocessing || o.DynamicSize) {
		return fmt.Errorf("export: %s: resizing is a part of preprocessing, and gives images of one size: take it with preprocessing, without a dynamic size", path)
	}
	switch ext := filepath.Ext(path); {
	case ext != "" && filepath.Base(path) == ext:
		return fmt.Errorf("export: %s: want a name before the ending", path)
	case ext == ModelExt:
		return nil
	case ext != WeightsExt:
		return fmt.Errorf("export: %s: want a name that ends in %s (the model, with the weights beside it) or in %s (the weights alone)", path, ModelExt, WeightsExt)
	case o.DynamicSize || o.Preprocessing:
		return fmt.Errorf("export: %s: weights have no input to shape: a dynamic size and preprocessing are for a name that ends in %s", path, ModelExt)
	}
	return nil
}

// CheckOutputs says why Write must not replace what there is under a name that
// CheckName takes, or beside it: a training's checkpoint, which may be the one that
// the encoder is from, or what is not a regular file.
func CheckOutputs(path string) error {
	outputs := []string{weightsPath(path)}
	if filepath.Ext(path) == ModelExt {
		outputs = append(outputs, path, path+onnxgraph.ExternalSuffix)
	}
	for _, output := range outputs {
		if err := atomicfile.CheckReplaceable(output); err != nil {
			return err
		}
		if err := CheckReplaceable(output); err != nil {
			return err
		}
	}
	return nil
}

// CheckReplaceable says why what there is at a path must not be replaced: it is a run's
// checkpoint.
func CheckReplaceable(path string) error {
	if isCheckpoint(path) {
		return fmt.Errorf("export: %s is the checkpoint of a run and is not replaced: choose another name (--out)", path)
	}
	return nil
}

// weightsPath is where the weights lie beside a model.
func weightsPath(path string) string {
	return strings.TrimSuffix(path, filepath.Ext(path)) + WeightsExt
}

// isCheckpoint goes by a file's content.
func isCheckpoint(path string) bool {
	r, err := safetensors.Open(path)
	if err != nil {
		return false
	}
	defer r.Close()
	_, ok := r.Metadata()[artifacts.CheckpointProperty]
	return ok
}

// Write writes what a name asks for (see CheckName), path first in what it returns,
// unless CheckOutputs forbids it.
// Each file is read again and verified; they take their places when all of them are
// good, so that a failure, or a context that is done, leaves what was there.
func (e *Encoder) Write(ctx context.Context, path string, o builders.EncoderOptions, v *Verifier) ([]File, error) {
	return write(ctx, e, path, o, v)
}

func write(ctx context.Context, e exported, path string, o builders.EncoderOptions, v *Verifier) (files []File, err error) {
	if err := CheckName(path, o); err != nil {
		return nil, err
	}
	if err := CheckOutputs(path); err != nil {
		return nil, err
	}
	dir, name := filepath.Split(path)
	weightsName := filepath.Base(weightsPath(path))
	c := v.comparison(2 + len(e.sizes(o)) - 1) // both share the trained size's pass
	err = atomicfile.Stage(dir, func(staging string) (last []string, err error) {
		difference, err := c.writeSafetensors(ctx, filepath.Join(staging, weightsName), e)
		if err != nil {
			return nil, err
		}
		files = []File{{filepath.Join(dir, weightsName), difference}}
		if name == weightsName {
			return nil, nil
		}
		if difference, err = c.writeONNX(ctx, filepath.Join(staging, name), e, o); err != nil {
			return nil, err
		}
		files = append([]File{{path, difference}}, files...)
		return []string{name}, nil // after its data, where that is a file beside it
	})
	if _, told := errors.AsType[*atomicfile.Error](err); told {
		return nil, err
	}
	if err != nil {
		return nil, fmt.Errorf("export: %s was not written (an older one is untouched): %w", path, err)
	}
	return files, nil
}

func (c *comparison) writeONNX(ctx context.Context, path string, e exported, o builders.EncoderOptions) (float64, error) {
	if err := context.Cause(ctx); err != nil {
		return 0, err
	}
	model, err := e.ONNX(o)
	if err != nil {
		return 0, err
	}
	if err := model.WriteFile(path); err != nil {
		return 0, err
	}
	return c.onnx(ctx, path, e, o)
}

func (c *comparison) writeSafetensors(ctx context.Context, path string, e exported) (float64, error) {
	tensors, metadata, err := e.Safetensors()
	if err != nil {
		return 0, err
	}
	if err := safetensors.WriteFile(path, tensors, metadata); err != nil {
		return 0, err
	}
	return c.safetensors(ctx, path, e)
}
