package safetensors

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"pmx/onnxgraph"
)

// Names in a folder, as Hugging Face's libraries write them.
const (
	ModelFile = "model.safetensors"
	IndexFile = "model.safetensors.index.json" // of a model in several files
)

// maxShards is how many files are opened for one folder.
const maxShards = 1000

// Folder gives the tensors of a folder: of ModelFile, or of the files that IndexFile
// names. Its methods may be called concurrently.
type Folder struct {
	shards   []*Reader
	of       map[string]*Reader // the file of each tensor
	metadata map[string]string
}

// OpenFolder reads the headers of a folder's files. The caller closes the Folder.
func OpenFolder(dir string) (*Folder, error) {
	f := &Folder{of: map[string]*Reader{}}
	err := f.open(dir)
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

func (f *Folder) open(dir string) error {
	text, err := readIndex(filepath.Join(dir, IndexFile))
	if errors.Is(err, fs.ErrNotExist) {
		r, err := f.addShard(filepath.Join(dir, ModelFile))
		if err != nil {
			return err
		}
		f.metadata = r.metadata
		return nil
	}
	if err != nil {
		return fmt.Errorf("safetensors: %w", err)
	}
	weightMap, err := parseIndex(text)
	if err != nil {
		return fmt.Errorf("safetensors: %s: %w", filepath.Join(dir, IndexFile), err)
	}
	shards := map[string]*Reader{}
	for _, name := range slices.Sorted(maps.Keys(weightMap)) {
		file := weightMap[name]
		if shards[file] == nil {
			if shards[file], err = f.addShard(filepath.Join(dir, file)); err != nil {
				return err
			}
		}
		if f.of[name] != shards[file] {
			return fmt.Errorf("safetensors: %s names tensor %q in %s, which has none", filepath.Join(dir, IndexFile), name, file)
		}
	}
	for name := range f.of {
		if _, listed := weightMap[name]; !listed {
			return fmt.Errorf("safetensors: %s does not name tensor %q of its files", filepath.Join(dir, IndexFile), name)
		}
	}
	return nil
}

// readIndex reads at most as much as a header may have.
func readIndex(path string) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, MaxHeader+1))
	if err == nil && len(text) > MaxHeader {
		err = fmt.Errorf("%s: more than %d bytes", path, MaxHeader)
	}
	return text, err
}

// parseIndex gives the file of each tensor.
func parseIndex(text []byte) (map[string]string, error) {
	var index struct {
		WeightMap map[string]string `json:"weight_map"`
	}
	if err := json.Unmarshal(text, &index); err != nil {
		return nil, fmt.Errorf("not an index of safetensors files: %w", err)
	}
	if len(index.WeightMap) == 0 {
		return nil, errors.New("not an index of safetensors files: weight_map is missing or empty")
	}
	files := map[string]bool{}
	for name, file := range index.WeightMap {
		if !strings.HasSuffix(file, ".safetensors") || filepath.Base(file) != file || strings.ContainsAny(file, `/\`) {
			return nil, fmt.Errorf("tensor %q is said to be in %.100q: want the name of a .safetensors file beside it", name, file)
		}
		files[file] = true
	}
	if len(files) > maxShards {
		return nil, fmt.Errorf("%d files, at most %d are read", len(files), maxShards)
	}
	return index.WeightMap, nil
}

func (f *Folder) addShard(path string) (*Reader, error) {
	r, err := Open(path)
	if err != nil {
		return nil, err
	}
	f.shards = append(f.shards, r)
	for _, info := range r.infos {
		if f.of[info.Name] != nil {
			return nil, fmt.Errorf("safetensors: %s: tensor %q is also in another file", path, info.Name)
		}
		f.of[info.Name] = r
	}
	return r, nil
}

// Close closes all files.
func (f *Folder) Close() error {
	var errs []error
	for _, r := range f.shards {
		errs = append(errs, r.Close())
	}
	return errors.Join(errs...)
}

// Metadata is a copy of ModelFile's string metadata; several files have none in common.
func (f *Folder) Metadata() map[string]string { return maps.Clone(f.metadata) }

// Infos describes all tensors, file by file in the order of their data.
func (f *Folder) Infos() []Info {
	var infos []Info
	for _, r := range f.shards {
		infos = append(infos, r.infos...)
	}
	return infos
}

// Tensor reads one tensor.
func (f *Folder) Tensor(name string) (*onnxgraph.Tensor, error) {
	r := f.of[name]
	if r == nil {
		return nil, fmt.Errorf("safetensors: no tensor is called %q", name)
	}
	return r.Tensor(name)
}
