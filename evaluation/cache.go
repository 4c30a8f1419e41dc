package evaluation

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"strings"

	"pmx/artifacts"
	"pmx/artifacts/safetensors"
	"pmx/internal/atomicfile"
	"pmx/onnxgraph"
)

// Cache keeps features in a folder, the run's, as features-KEY.safetensors: those of
// one model, the last.
type Cache struct {
	Dir string
	// Warn, unless nil, is told of a file that could not be read or written;
	// neither keeps anybody from the features.
	Warn func(error)
}

// Key says what features are of. Both parts are digests or anything else that
// changes with the content.
type Key struct {
	Model string // the weights: FileDigest of the encoder or checkpoint
	Data  string // the images, their order, labels and preprocessing
}

// The metadata of a cached file.
const (
	cacheModel = "pmx.features.model"
	cacheData  = "pmx.features.data"
	cacheCRC   = "pmx.features.crc32c" // of both tensors' bytes
)

// The tensors of a cached file.
const (
	cacheFeatures = "features" // float [N dim]
	cacheLabels   = "labels"   // int64 [N]
)

// Path is the file for a key.
func (c Cache) Path(key Key) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%q %q", key.Model, key.Data))
	return filepath.Join(c.Dir, artifacts.FeaturesPrefix+hex.EncodeToString(sum[:8])+".safetensors")
}

// Get reads the features for a key, or computes and keeps them, and then deletes
// those of other models. The file appears whole or not at all; one that cannot be
// read is computed and written again. Partial features are not kept.
func (c Cache) Get(key Key, compute func() (*Features, error)) (*Features, error) {
	path := c.Path(key)
	f, err := readFeatures(path, key)
	if err == nil {
		return f, nil
	}
	if !os.IsNotExist(err) {
		c.warn(fmt.Errorf("evaluation: %s is of no use and is made again: %w", path, err))
	}
	if f, err = compute(); err != nil {
		return nil, err
	}
	if f.Partial {
		return f, nil
	}
	if err := writeFeatures(path, key, f); err != nil {
		c.warn(fmt.Errorf("evaluation: features are not kept: %w", err))
	} else if err := c.removeOthers(key.Model); err != nil {
		c.warn(fmt.Errorf("evaluation: features of other models are still there: %w", err))
	}
	return f, nil
}

// removeOthers deletes the features that say they are of another model.
func (c Cache) removeOthers(model string) error {
	entries, err := os.ReadDir(c.Dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), artifacts.FeaturesPrefix) || !e.Type().IsRegular() {
			continue
		}
		path := filepath.Join(c.Dir, e.Name())
		if of, ok := modelOf(path); ok && of != model {
			if err := os.Remove(path); err != nil {
				return err
			}
		}
	}
	return nil
}

// modelOf is the model of a cached file; not ok if it is none.
func modelOf(path string) (string, bool) {
	r, err := safetensors.Open(path)
	if err != nil {
		return "", false
	}
	defer r.Close()
	model, ok := r.Metadata()[cacheModel]
	return model, ok
}

func (c Cache) warn(err error) {
	if c.Warn != nil {
		c.Warn(err)
	}
}

func writeFeatures(path string, key Key, f *Features) error {
	labels := make([]int64, f.Len())
	for i, l := range f.Labels {
		labels[i] = int64(l)
	}
	l, data := onnxgraph.NewTensor([]int{f.Len()}, labels), onnxgraph.NewTensor([]int{f.Len(), f.Dim}, f.Data)
	return atomicfile.WriteRegular(path, func(w io.Writer) error {
		return safetensors.Write(w, []safetensors.Named{{Name: cacheLabels, Tensor: l}, {Name: cacheFeatures, Tensor: data}},
			map[string]string{cacheModel: key.Model, cacheData: key.Data, cacheCRC: checksum(data, l)})
	})
}

// checksum is the CRC-32C of features and labels, in hexadecimal.
func checksum(features, labels *onnxgraph.Tensor) string {
	table := crc32.MakeTable(crc32.Castagnoli)
	return fmt.Sprintf("%08x", crc32.Update(crc32.Checksum(features.Bytes(), table), table, labels.Bytes()))
}

func readFeatures(path string, key Key) (*Features, error) {
	if info, err := os.Stat(path); err != nil {
		return nil, err
	} else if !info.Mode().IsRegular() { // to open a pipe is to wait
		return nil, errors.New("it is not a regular file")
	}
	r, err := safetensors.Open(path)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	if m := r.Metadata(); m[cacheModel] != key.Model || m[cacheData] != key.Data {
		return nil, fmt.Errorf("it holds the features of another model or data set")
	}
	features, labels, err := readPair(r)
	if err != nil {
		return nil, err
	}
	if r.Metadata()[cacheCRC] != checksum(features, labels) {
		return nil, fmt.Errorf("its content does not match its checksum")
	}
	f := &Features{Dim: features.Shape()[1], Data: onnxgraph.Data[float32](features), Labels: make([]int, labels.Size())}
	for i, l := range onnxgraph.Data[int64](labels) {
		f.Labels[i] = int(l)
	}
	return f, f.check()
}

// readPair reads both tensors and compares their types and shapes.
func readPair(r *safetensors.Reader) (features, labels *onnxgraph.Tensor, err error) {
	a, okA := r.Info(cacheFeatures)
	b, okB := r.Info(cacheLabels)
	if !okA || !okB || a.DType != onnxgraph.Float32 || b.DType != onnxgraph.Int64 ||
		len(a.Shape) != 2 || len(b.Shape) != 1 || a.Shape[0] != b.Shape[0] {
		return nil, nil, fmt.Errorf("it does not hold features [N dim] and labels [N]")
	}
	if features, err = r.Tensor(cacheFeatures); err != nil {
		return nil, nil, err
	}
	labels, err = r.Tensor(cacheLabels)
	return features, labels, err
}

// FileDigest is the SHA-256 of a file.
func FileDigest(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", fmt.Errorf("evaluation: %w", err)
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", fmt.Errorf("evaluation: %s: %w", path, err)
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}
