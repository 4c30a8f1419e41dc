package weights

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"pmx/artifacts/safetensors"
	"pmx/artifacts/torchfile"
	"pmx/internal/atomicfile"
	"pmx/internal/registry"
	"pmx/onnxgraph"
)

// Format is a file or a folder that other programs read.
type Format struct {
	// Help says in one line for whom it is.
	Help string
	// Ext is the ending of a file's name; "" makes a folder.
	Ext string
	// write fills the file at path, or the folder.
	write func(path string, e *Encoder) error
}

var formats = registry.New[*Format]("weights", "format")

// newFormat registers a format under the name that users type.
func newFormat(name string, f Format) *Format { return formats.Add(name, &f) }

// Formats lists the names of what Write writes, sorted.
func Formats() []string { return formats.Names() }

// FormatNamed finds a format.
func FormatNamed(name string) (*Format, error) { return formats.Lookup(name) }

// CheckPath says whether the format can be written under a name.
func (f *Format) CheckPath(path string) error {
	info, err := os.Stat(path)
	switch {
	case f.Ext != "" && filepath.Ext(path) != f.Ext:
		return fmt.Errorf("weights: %s: want a name that ends in %s", path, f.Ext)
	case f.Ext == "" && err == nil && !info.IsDir():
		return fmt.Errorf("weights: %s is a file: this format is a folder, choose another name", path)
	}
	return nil
}

// Write writes an encoder in a format. A file appears whole or not at all; the files of
// a folder, which is made, take their places when all of them are written.
func Write(path, format string, e *Encoder) error {
	f, err := FormatNamed(format)
	if err != nil {
		return err
	}
	if err := f.CheckPath(path); err != nil {
		return err
	}
	if err := e.check(); err != nil {
		return err
	}
	if f.Ext != "" {
		return f.write(path, e)
	}
	_, err = os.Stat(path)
	made := errors.Is(err, fs.ErrNotExist)
	if err := os.MkdirAll(path, 0o777); err != nil {
		return fmt.Errorf("weights: %w", err)
	}
	err = atomicfile.Stage(path, func(staging string) ([]string, error) {
		return nil, f.write(staging, e)
	})
	if err != nil && made {
		os.Remove(path) // if nothing is in it
	}
	return err
}

// check finds an encoder that is not whole.
func (e *Encoder) check() error {
	if e.PatchSize < 1 || e.ImageSize < e.PatchSize || e.Dim < 1 || e.Depth < 1 || e.Heads < 1 || e.Dim%e.Heads != 0 || e.MLPRatio <= 0 || e.Epsilon <= 0 {
		return fmt.Errorf("weights: %+v is not a vision transformer", e.Architecture)
	}
	names := ParameterNames(e.Depth)
	for _, name := range names {
		t, want := e.Tensors[name], onnxgraph.Shape(e.shapeOf(name))
		if t == nil || t.DType() != onnxgraph.Float32 || !t.Shape().Equal(want) {
			return fmt.Errorf("weights: the encoder has no %s of float%v", name, want)
		}
	}
	if len(e.Tensors) != len(names) {
		return fmt.Errorf("weights: the encoder has %d tensors, a vision transformer of %d blocks %d", len(e.Tensors), e.Depth, len(names))
	}
	return nil
}

// properties are all that is said about the encoder, as string metadata.
func (e *Encoder) properties() map[string]string {
	text, err := json.Marshal(e.Architecture)
	if err != nil {
		panic(err) // numbers that check has let pass
	}
	all := maps.Clone(e.Metadata)
	if all == nil {
		all = map[string]string{}
	}
	all[EncoderProperty] = string(text)
	return all
}

// renamed lists the tensors in the order in which images pass them, each under the
// name that theirs gives it.
func (e *Encoder) renamed(theirs func(name string) string) []safetensors.Named {
	var list []safetensors.Named
	for _, name := range ParameterNames(e.Depth) {
		list = append(list, safetensors.Named{Name: theirs(name), Tensor: e.Tensors[name]})
	}
	return list
}

func sameName(name string) string { return name }

// splitQKV cuts attn.qkv into attn.q, attn.k and attn.v.
func (e *Encoder) splitQKV() []safetensors.Named {
	var list []safetensors.Named
	for _, n := range e.renamed(sameName) {
		before, after, ok := strings.Cut(n.Name, ".qkv.")
		if !ok {
			list = append(list, n)
			continue
		}
		data, shape := onnxgraph.Data[float32](n.Tensor), n.Shape().Clone()
		shape[0] /= 3
		third := len(data) / 3
		for i, part := range []string{".q.", ".k.", ".v."} {
			list = append(list, safetensors.Named{Name: before + part + after, Tensor: onnxgraph.NewTensor(shape, data[i*third:(i+1)*third])})
		}
	}
	return list
}

// writeSafetensors writes tensors with the metadata that transformers asks for.
func (e *Encoder) writeSafetensors(path string, list []safetensors.Named) error {
	metadata := e.properties()
	metadata["format"] = "pt"
	return safetensors.WriteFile(path, list, metadata)
}

// stateDict is tensors as a PyTorch dictionary.
func stateDict(list []safetensors.Named) *torchfile.Dict {
	dict := &torchfile.Dict{}
	for _, n := range list {
		dict.Set(n.Name, n.Tensor)
	}
	return dict
}

// wrapped is a dictionary under a root, with the properties beside it.
func (e *Encoder) wrapped(root string, list []safetensors.Named) *torchfile.Dict {
	about := &torchfile.Dict{}
	properties := e.properties()
	for _, key := range slices.Sorted(maps.Keys(properties)) {
		about.Set(key, properties[key])
	}
	outer := &torchfile.Dict{}
	outer.Set(root, stateDict(list))
	outer.Set(pmxKey, about)
	return outer
}

// writeJSON writes an object with its keys in order, as other writers do.
func writeJSON(path string, object map[string]any) error {
	text, err := json.MarshalIndent(object, "", "  ")
	if err != nil {
		return err
	}
	return atomicfile.WriteBytes(path, append(text, '\n'))
}
