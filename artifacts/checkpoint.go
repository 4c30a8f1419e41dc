package artifacts

import (
	"encoding/json"
	"errors"
	"fmt"
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
	// Kinds says what each tensor is: param, moment1, ... Version 1 did not say it.
	Kinds map[string]string `json:"kinds,omitempty"`
}

// Checkpoint is a training state: with it, a resumed run continues as if it had
// never stopped.
type Checkpoint struct {
	CheckpointHeader
	Tensors []safetensors.Named
}

// checkpointVersion is the newest CheckpointHeader.Version that this program
// knows, and the one it writes.
const checkpointVersion = 2

// The metadata of a checkpoint's file.
const (
	CheckpointProperty = "pmx.checkpoint"        // CheckpointHeader
	ChecksumProperty   = "pmx.checkpoint.crc32c" // of header and tensors, in hexadecimal
)

// ErrCorrupt is in the error of reading a checkpoint whose content is not what
// was written.
var ErrCorrupt = errors.New("the content does not match its checksum")

// errVersion is in the error of reading what another pmx wrote: it may be good.
var errVersion = errors.New("use the pmx that wrote it, or a newer one")

// WriteCheckpoint writes c to path, whole or not at all.
func WriteCheckpoint(path string, c *Checkpoint) error {
	return atomicfile.Write(path, c.Write)
}

// Write writes the checkpoint's file to w.
func (c *Checkpoint) Write(w io.Writer) error {
	h := c.CheckpointHeader
	h.Version = checkpointVersion
	header, err := json.Marshal(h)
	if err != nil {
		return fmt.Errorf("artifacts: checkpoint of step %d: %w", c.Step, err)
	}
	sum := newChecksum(checkpointVersion, string(header))
	for _, t := range c.Tensors {
		sum.add(t)
	}
	return safetensors.Write(w, c.Tensors, map[string]string{CheckpointProperty: string(header), ChecksumProperty: sum.String()})
}

// CheckpointReader reads a checkpoint tensor by tensor.
type CheckpointReader struct {
	CheckpointHeader
	*safetensors.Reader
	path string
	sum  string // that its content must have
}

// OpenCheckpoint reads a checkpoint's header. The caller closes the reader.
func OpenCheckpoint(path string) (*CheckpointReader, error) {
	r, err := safetensors.Open(path)
	if err != nil {
		return nil, err
	}
	c := &CheckpointReader{Reader: r, path: path}
	if c.CheckpointHeader, c.sum, err = parseCheckpointHeader(r.Metadata()); err != nil {
		r.Close()
		return nil, fmt.Errorf("artifacts: %s: %w", path, err)
	}
	return c, nil
}

func parseCheckpointHeader(metadata map[string]string) (h CheckpointHeader, sum string, err error) {
	text, ok := metadata[CheckpointProperty]
	if !ok {
		return h, "", errors.New("a safetensors file, but not a checkpoint of pmx: choose a file from the run's checkpoints folder")
	}
	file := struct {
		*CheckpointHeader
		CRC32C uint32 `json:"crc32c"` // of version 1
	}{CheckpointHeader: &h}
	if err := json.Unmarshal([]byte(text), &file); err != nil {
		return h, "", fmt.Errorf("metadata %s: %w", CheckpointProperty, err)
	}
	if h.Version < 1 || h.Version > checkpointVersion {
		return h, "", fmt.Errorf("a checkpoint of format version %d, this pmx knows 1 to %d: %w", h.Version, checkpointVersion, errVersion)
	}
	if h.Step < 0 {
		return h, "", fmt.Errorf("metadata %s: step %d", CheckpointProperty, h.Step)
	}
	if h.Version == 1 {
		return h, checksum{crc: file.CRC32C}.String(), nil
	}
	return h, metadata[ChecksumProperty], nil
}

// HeaderChecked reports whether the checksum covers the header, which that of an older
// format does not.
func (r *CheckpointReader) HeaderChecked() bool { return r.Version > 1 }

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
	sum := r.newChecksum()
	for _, info := range r.Infos() {
		t, ok := dst[info.Name]
		if !ok {
			return fmt.Errorf("artifacts: %s has a tensor %q that the model lacks: it was made for another model", r.path, info.Name)
		}
		if err := r.ReadInto(info.Name, t); err != nil {
			return fmt.Errorf("artifacts: %s: %w", r.path, err)
		}
		sum.add(safetensors.Named{Name: info.Name, Tensor: t})
	}
	return r.check(sum)
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
		sum := r.newChecksum()
		for t, err := range r.All() {
			if err != nil {
				yield(t, fmt.Errorf("artifacts: %s: %w", r.path, err))
				return
			}
			sum.add(t)
			if !yield(t, nil) {
				return
			}
		}
		if err := r.check(sum); err != nil {
			yield(safetensors.Named{}, err)
		}
	}
}

func (r *CheckpointReader) newChecksum() checksum {
	return newChecksum(r.Version, r.Metadata()[CheckpointProperty])
}

func (r *CheckpointReader) check(sum checksum) error {
	if sum.String() != r.sum {
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
	for t, err := range r.Verified() {
		if err != nil {
			return nil, err
		}
		c.Tensors = append(c.Tensors, t)
	}
	return c, nil
}
