package weights

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"pmx/artifacts/safetensors"
	"pmx/artifacts/torchfile"
	"pmx/onnxgraph"
)

// Source is an opened file or folder, as layouts look at it.
type Source struct {
	Path   string
	Folder bool // a folder, or a file in it that has its own name there
	// Roots are the dictionaries of tensors by their key in the file's outermost one,
	// "" being that itself.
	Roots map[string]*StateDict
	// Metadata is the string metadata of safetensors.
	Metadata map[string]string
	// Strings are the outermost dictionary's strings in a PyTorch file: arch.
	Strings map[string]string
	// Config and Preprocessor are config.json and preprocessor_config.json of a folder,
	// nil if there is none.
	Config, Preprocessor map[string]any

	ours   *Architecture // of pmx's metadata
	props  map[string]string
	beside []string // classes of Python objects
	size   int64    // of the file or files, in bytes
	close  func() error
}

// StateDict is named tensors that are not read yet.
type StateDict struct {
	keys   []string // in the order of the file
	values map[string]lazyTensor
}

// lazyTensor is a tensor of a file.
type lazyTensor struct {
	dtype onnxgraph.DType
	shape onnxgraph.Shape
	text  string // type and shape, for messages
	read  func() (*onnxgraph.Tensor, error)
}

func (s *StateDict) add(key string, t lazyTensor) {
	if s.values == nil {
		s.values = map[string]lazyTensor{}
	}
	s.keys = append(s.keys, key)
	s.values[key] = t
}

// Has reports whether there is a tensor of this key.
func (s *StateDict) Has(key string) bool {
	if s == nil {
		return false
	}
	_, ok := s.values[key]
	return ok
}

// HasPrefix reports whether a key begins with prefix.
func (s *StateDict) HasPrefix(prefix string) bool {
	return s.some(func(key string) bool { return strings.HasPrefix(key, prefix) })
}

// Contains reports whether a key contains part.
func (s *StateDict) Contains(part string) bool {
	return s.some(func(key string) bool { return strings.Contains(key, part) })
}

func (s *StateDict) some(f func(string) bool) bool {
	if s != nil {
		for _, key := range s.keys {
			if f(key) {
				return true
			}
		}
	}
	return false
}

// Find gives the first of the named dictionaries that is what a layout looks for, and
// its name; nil if none is.
func (s *Source) Find(is func(*StateDict) bool, roots ...string) (string, *StateDict) {
	for _, root := range roots {
		if dict := s.Roots[root]; dict != nil && is(dict) {
			return root, dict
		}
	}
	return "", nil
}

// Names of files in a folder.
const (
	configFile       = "config.json"
	preprocessorFile = "preprocessor_config.json"
	torchModelFile   = "pytorch_model.bin" // transformers' before safetensors
)

// openSource opens path; what it is, its content says.
func openSource(path string) (*Source, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("weights: %w", err)
	}
	s := &Source{Path: path, Roots: map[string]*StateDict{}, Strings: map[string]string{}}
	switch {
	case info.IsDir():
		err = s.openFolder()
	default:
		s.size = info.Size()
		if err = s.openFile(path); err == nil && filepath.Base(path) == safetensors.ModelFile {
			err = s.readConfigs(filepath.Dir(path))
		}
	}
	if err == nil {
		err = s.findOurs()
	}
	if err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

// Close closes the file or files.
func (s *Source) Close() error {
	if s.close == nil {
		return nil
	}
	return s.close()
}

func (s *Source) openFolder() error {
	if err := s.readConfigs(s.Path); err != nil {
		return err
	}
	for _, name := range []string{safetensors.IndexFile, safetensors.ModelFile} {
		if exists(filepath.Join(s.Path, name)) {
			return s.openSafetensorsFolder()
		}
	}
	if torch := filepath.Join(s.Path, torchModelFile); exists(torch) {
		info, err := os.Stat(torch)
		if err != nil {
			return fmt.Errorf("weights: %w", err)
		}
		s.size = info.Size()
		return s.openFile(torch)
	}
	return fmt.Errorf("weights: %s is a folder without %s, %s or %s: name a file of weights", s.Path, safetensors.ModelFile, safetensors.IndexFile, torchModelFile)
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

func (s *Source) openSafetensorsFolder() error {
	f, err := safetensors.OpenFolder(s.Path)
	if err != nil {
		return err
	}
	s.close, s.Metadata = f.Close, f.Metadata()
	s.addSafetensors(f.Infos(), f.Tensor)
	return nil
}

// addSafetensors takes the tensors as the outermost dictionary.
func (s *Source) addSafetensors(infos []safetensors.Info, read func(string) (*onnxgraph.Tensor, error)) {
	dict := &StateDict{}
	size := int64(0)
	for _, info := range infos {
		dict.add(info.Name, lazyTensor{info.DType, info.Shape, info.Type + info.Shape.String(), func() (*onnxgraph.Tensor, error) { return read(info.Name) }})
		size += info.End - info.Begin
	}
	s.size = max(s.size, size)
	s.Roots[""] = dict
}

// openFile reads a file of either kind.
func (s *Source) openFile(path string) error {
	isSafetensors, err := looksLikeSafetensors(path)
	if err != nil {
		return fmt.Errorf("weights: %w", err)
	}
	if isSafetensors {
		r, err := safetensors.Open(path)
		if err != nil {
			return err
		}
		s.close, s.Metadata = r.Close, r.Metadata()
		s.addSafetensors(r.Infos(), r.Tensor)
		return nil
	}
	r, err := torchfile.Open(path)
	if err != nil {
		return err
	}
	s.close, s.beside = r.Close, r.Objects()
	object, ok := r.Object().(*torchfile.Dict)
	if !ok {
		return fmt.Errorf("weights: %s holds no dictionary of tensors: in Python, torch.save(model.state_dict(), ...)", path)
	}
	s.addTorch(r, object)
	return nil
}

// looksLikeSafetensors goes by the ninth byte, where a header begins, and by the name:
// a short or damaged file is told what is wrong with what it should be.
func looksLikeSafetensors(path string) (bool, error) {
	f, err := os.Open(path)
	if err != nil {
		return false, err
	}
	defer f.Close()
	var first [9]byte
	_, err = io.ReadFull(f, first[:])
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return false, err
	}
	return first[8] == '{' || filepath.Ext(path) == ".safetensors", nil
}

// addTorch takes the dictionaries that hold tensors: the outermost and those in it.
func (s *Source) addTorch(r *torchfile.Reader, object *torchfile.Dict) {
	s.addRoot("", r, object)
	for key, value := range object.All() {
		name, isString := key.(string)
		if !isString {
			continue
		}
		switch value := value.(type) {
		case *torchfile.Dict:
			s.addRoot(name, r, value)
		case string:
			s.Strings[name] = value
		}
	}
	if about, ok := object.Get(pmxKey); ok {
		if dict, ok := about.(*torchfile.Dict); ok {
			s.Metadata = stringsOf(dict)
		}
	}
}

// pmxKey is where PyTorch files that pmx writes have what safetensors have as metadata.
const pmxKey = "pmx"

// stringsOf gives the entries that are strings.
func stringsOf(dict *torchfile.Dict) map[string]string {
	out := map[string]string{}
	for key, value := range dict.All() {
		name, ok1 := key.(string)
		text, ok2 := value.(string)
		if ok1 && ok2 {
			out[name] = text
		}
	}
	return out
}

func (s *Source) addRoot(name string, r *torchfile.Reader, object *torchfile.Dict) {
	dict := &StateDict{}
	for key, value := range object.All() {
		k, isString := key.(string)
		t, isTensor := value.(*torchfile.Tensor)
		if isString && isTensor {
			dict.add(k, lazyTensor{t.DType(), t.Shape(), t.String(), func() (*onnxgraph.Tensor, error) { return r.Read(t) }})
		}
	}
	if len(dict.keys) > 0 {
		s.Roots[name] = dict
	}
}

// maxConfig bounds a folder's JSON files, in bytes.
const maxConfig = 1 << 20

func (s *Source) readConfigs(dir string) (err error) {
	s.Folder = true
	if s.Config, err = readJSON(filepath.Join(dir, configFile)); err == nil {
		s.Preprocessor, err = readJSON(filepath.Join(dir, preprocessorFile))
	}
	return err
}

// readJSON reads an object, nil if there is no file.
func readJSON(path string) (map[string]any, error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("weights: %w", err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxConfig+1))
	if err == nil && len(text) > maxConfig {
		err = fmt.Errorf("more than %d bytes", maxConfig)
	}
	var object map[string]any
	if err == nil {
		err = json.Unmarshal(text, &object)
	}
	if err != nil {
		return nil, fmt.Errorf("weights: %s: %w", path, err)
	}
	return object, nil
}

// findOurs reads the architecture of pmx's metadata, where there is any.
func (s *Source) findOurs() error {
	text, ok := s.Metadata[EncoderProperty]
	if !ok {
		return nil
	}
	a, err := parseArchitecture(text)
	if err != nil {
		return fmt.Errorf("weights: %s: metadata %s: %w", s.Path, EncoderProperty, err)
	}
	s.ours, s.props = a, map[string]string{}
	for key, value := range s.Metadata {
		if strings.HasPrefix(key, propertyPrefix) && key != EncoderProperty {
			s.props[key] = value
		}
	}
	return nil
}
