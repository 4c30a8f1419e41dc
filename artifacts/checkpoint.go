package artifacts

import (
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"iter"

	"pmx/artifacts/safetensors"
	"pmx/internal/atomicfile"
	"pmx/onnxgraph"
)

// CheckpointHeader is what a checkpoint says about itself. It is JSON under
// "pmx.checkpoint" in the metadata of the safetensors file.
type CheckpointHeader struct {
	Version    int    `json:"version"`          // of this format, set when written
	Step       int64  `json:"step"`             // steps done
	ConfigHash string `json:"config_hash"`      // ConfigHash of the run's configuration
	Method     string `json:"method,omitempty"` // patchmix, ...

	Arch json.RawMessage `json:"arch,omitempty"` // the architecture: number of heads, patch size, ...
	RNG  json.RawMessage `json:"rng,omitempty"`  // state of every random generator
	Data json.RawMessage `json:"data,omitempty"` // position in the data

	CRC32C uint32 `json:"crc32c"` // of all tensors' bytes in file order, set when written
}

// Checkpoint is a training state: with it, a resumed run goes on as if it had
// never stopped.
type Checkpoint struct {
	CheckpointHeader
	Tensors []safetensors.Named
}

// checkpointVersion is the newest CheckpointHeader.Version that this program
// knows, and the one it writes.
const checkpointVersion = 1

// CheckpointProperty is where the header lies in the file's metadata.
const CheckpointProperty = "pmx.checkpoint"

// ErrCorrupt is in the error of reading a checkpoint whose content is not what
// was written.
var ErrCorrupt = errors.New("the content does not match its checksum")

// errVersion is in the error of reading what another pmx wrote: it may be good.
var errVersion = errors.New("use the pmx that wrote it, or a newer one")

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// WriteCheckpoint writes c to path, whole or not at all.
func WriteCheckpoint(path string, c *Checkpoint) error {
	return atomicfile.Write(path, c.Write)
}

// Write writes the checkpoint's file to w.
func (c *Checkpoint) Write(w io.Writer) error {
	h := c.CheckpointHeader
	h.Version = checkpointVersion
	h.CRC32C = 0
	for _, t := range c.Tensors {
		h.CRC32C = crc32.Update(h.CRC32C, castagnoli, t.Bytes())
	}
	header, err := json.Marshal(h)
	if err != nil {
		return fmt.Errorf("artifacts: checkpoint of step %d: %w", c.Step, err)
	}
	return safetensors.Write(w, c.Tensors, map[string]string{CheckpointProperty: string(header)})
}

// CheckpointReader reads a checkpoint tensor by tensor.
type CheckpointReader struct {
	CheckpointHeader
	*safetensors.Reader
	path string
}

// OpenCheckpoint reads a checkpoint's header. The caller closes the reader.
func OpenCheckpoint(path string) (*CheckpointReader, error) {
	r, err := safetensors.Open(path)
	if err != nil {
		return nil, err
	}
	header, err := parseCheckpointHeader(r.Metadata())
	if err != nil {
		r.Close()
		return nil, fmt.Errorf("artifacts: %s: %w", path, err)
	}
	return &CheckpointReader{CheckpointHeader: header, Reader: r, path: path}, nil
}

func parseCheckpointHeader(metadata map[string]string) (CheckpointHeader, error) {
	var h CheckpointHeader
	text, ok := metadata[CheckpointProperty]
	if !ok {
		return h, errors.New("a safetensors file, but not a checkpoint of pmx: choose a file from the run's checkpoints folder")
	}
	if err := json.Unmarshal([]byte(text), &h); err != nil {
		return h, fmt.Errorf("metadata %s: %w", CheckpointProperty, err)
	}
	if h.Version < 1 || h.Version > checkpointVersion {
		return h, fmt.Errorf("a checkpoint of format version %d, this pmx knows 1 to %d: %w", h.Version, checkpointVersion, errVersion)
	}
	if h.Step < 0 {
		return h, fmt.Errorf("metadata %s: step %d", CheckpointProperty, h.Step)
	}
	return h, nil
}

// CheckConfig compares the configuration that the checkpoint was made with.
// RunDir.CheckConfig tells what differs.
func (r *CheckpointReader) CheckConfig(hash string) error {
	if r.ConfigHash != hash {
		return fmt.Errorf("artifacts: %s was made with another configuration (hash %.12s, the run has %.12s): it is of another run", r.path, r.ConfigHash, hash)
	}
	return nil
}

// ReadState reads the tensors into dst, which must name exactly those in the
// file, with their types and shapes, and verifies their checksum. If it fails,
// dst may be partly read.
func (r *CheckpointReader) ReadState(dst map[string]*onnxgraph.Tensor) error {
	for name := range dst {
		if _, ok := r.Info(name); !ok {
			return fmt.Errorf("artifacts: %s has no tensor %q: it was made for another model", r.path, name)
		}
	}
	var crc uint32
	for _, info := range r.Infos() {
		t, ok := dst[info.Name]
		if !ok {
			return fmt.Errorf("artifacts: %s has a tensor %q that the model lacks: it was made for another model", r.path, info.Name)
		}
		if err := r.ReadInto(info.Name, t); err != nil {
			return fmt.Errorf("artifacts: %s: %w", r.path, err)
		}
		crc = crc32.Update(crc, castagnoli, t.Bytes())
	}
	return r.checkCRC(crc)
}

// Verify reads the file through and verifies its checksum, with one tensor in memory
// at a time.
func (r *CheckpointReader) Verify() error {
	for _, err := range r.Verified() {
		if err != nil {
			return err
		}
	}
	return nil
}

// Verified reads the tensors one after the other, in the order of their data, and
// verifies their checksum, which is known after the last: until then none is to be
// relied on. It stops at the first error.
func (r *CheckpointReader) Verified() iter.Seq2[safetensors.Named, error] {
	return func(yield func(safetensors.Named, error) bool) {
		var crc uint32
		for t, err := range r.All() {
			if err != nil {
				yield(t, fmt.Errorf("artifacts: %s: %w", r.path, err))
				return
			}
			crc = crc32.Update(crc, castagnoli, t.Bytes())
			if !yield(t, nil) {
				return
			}
		}
		if err := r.checkCRC(crc); err != nil {
			yield(safetensors.Named{}, err)
		}
	}
}

func (r *CheckpointReader) checkCRC(crc uint32) error {
	if crc != r.CRC32C {
		return fmt.Errorf("artifacts: %s: %w", r.path, ErrCorrupt)
	}
	return nil
}

// ReadCheckpoint reads a whole checkpoint and verifies its checksum.
func ReadCheckpoint(path string) (*Checkpoint, error) {
	r, err := OpenCheckpoint(path)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	c := &Checkpoint{CheckpointHeader: r.CheckpointHeader}
	dst := map[string]*onnxgraph.Tensor{}
	for _, info := range r.Infos() {
		t := onnxgraph.Zeros(info.DType, info.Shape)
		dst[info.Name] = t
		c.Tensors = append(c.Tensors, safetensors.Named{Name: info.Name, Tensor: t})
	}
	return c, r.ReadState(dst)
}
