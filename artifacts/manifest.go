package artifacts

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"runtime"
	"syscall"
	"time"

	"pmx/internal/atomicfile"
	"pmx/internal/buildinfo"
)

// manifestFormat and manifestVersion mark a manifest as ours.
const (
	manifestFormat  = "pmx-run"
	manifestVersion = 1
)

// Manifest records what made a run, for people who want to repeat it, and for
// CheckResume. Nothing else in a training goes by it.
type Manifest struct {
	Format  string `json:"format"`  // "pmx-run", set by WriteManifest
	Version int    `json:"version"` // of this format, set by WriteManifest

	Method     string    `json:"method,omitempty"`      // patchmix, ...
	Seed       uint64    `json:"seed"`                  // all randomness follows from it
	Data       DataInfo  `json:"data"`                  // what it was trained on, in the newest session
	TestData   DataInfo  `json:"test_data,omitzero"`    // what its accuracy was last measured on
	Classes    []string  `json:"classes,omitempty"`     // names of those that a classifier tells apart, in the order of its outputs
	ConfigHash string    `json:"config_hash,omitempty"` // ConfigHash of config.json without what a resume may change
	GraphHash  string    `json:"graph_hash,omitempty"`  // SHA-256 of the step file
	Init       *InitInfo `json:"init,omitempty"`        // the weights that it started from; nil where all were drawn
	Sessions   []Session `json:"sessions,omitempty"`    // the first, then one a resume

	// Extra is for what has no field of its own.
	Extra map[string]string `json:"extra,omitempty"`
}

// DataInfo identifies a data set.
type DataInfo struct {
	Name    string `json:"name,omitempty"`
	Samples int    `json:"samples,omitempty"`
	Digest  string `json:"digest,omitempty"` // of its content, as the data set defines it
}

// InitInfo identifies weights that a run started from.
type InitInfo struct {
	Path    string `json:"path"`              // of a run, or of a file or folder of weights
	Layout  string `json:"layout,omitempty"`  // of weights in a file or folder
	Encoder string `json:"encoder,omitempty"` // which of several
	Steps   int64  `json:"steps,omitempty"`   // that pmx had trained them
	Digest  string `json:"digest"`            // of the weights as they were read
	// What was changed of them, "" where nothing was: the rule of resizing positions and
	// the grids, and the normalisation that the patch embedding has taken over.
	PositionsResized    string `json:"positions_resized,omitempty"`
	NormalisationFolded string `json:"normalisation_folded,omitempty"`
	// Dropped are keys that were left out.
	Dropped []string `json:"dropped,omitempty"`
}

// Session is one process that trained the run.
type Session struct {
	Started  time.Time `json:"started"`
	FromStep int64     `json:"from_step"`
	Command  []string  `json:"command,omitempty"`
	PMX      string    `json:"pmx"`                       // module version or revision
	Go       string    `json:"go"`                        // go1.26.0
	Platform string    `json:"platform"`                  // linux/amd64
	Runtime  string    `json:"runtime,omitempty"`         // ort, ort-training, reference
	Library  string    `json:"runtime_version,omitempty"` // the library's own word: 1.27.0
	Device   string    `json:"device,omitempty"`          // cpu, cuda
	// Kernels are the instruction set of the kernels of ours that ran, such as avx2,
	// or off; "" in a manifest that does not say so.
	Kernels string `json:"kernels,omitempty"`
	// Routine is nil in a manifest that does not say so.
	Routine *Routine `json:"routine,omitempty"`
	// DataBefore is what the run was trained on until this session, where the user
	// accepted that it has changed.
	DataBefore *DataInfo `json:"data_before,omitempty"`
}

// Routine is what a session does between its steps. It does not change the training,
// but what is left of it.
type Routine struct {
	Keep                 int   `json:"keep"`                   // checkpoints
	CheckpointEvery      int   `json:"checkpoint_every"`       // epochs; 0: not by epochs
	CheckpointEverySteps int64 `json:"checkpoint_every_steps"` // 0: not by steps
	KNN                  bool  `json:"knn"`                    // accuracy is measured
	KNNEvery             int   `json:"knn_every"`              // epochs; 0: at the beginning and the end
	ProbeEvery           int   `json:"probe_every,omitempty"`  // epochs between linear probes; 0: none
	// StopOnBadImage stops at the first image that cannot be read; else some are skipped.
	StopOnBadImage bool `json:"stop_on_bad_image,omitempty"`
}

// NewSession describes this process; the caller fills in the runtime.
func NewSession(fromStep int64) Session {
	return Session{
		Started:  time.Now().UTC().Truncate(time.Second),
		FromStep: fromStep,
		Command:  os.Args,
		PMX:      buildinfo.Version(),
		Go:       runtime.Version(),
		Platform: runtime.GOOS + "/" + runtime.GOARCH,
	}
}

// manifestFile is what manifest.json holds.
type manifestFile struct {
	Manifest
	Starting *starting `json:"starting,omitempty"` // until the run's folder is ready, see CreateRun
}

// starting is what is to be done yet of the start of a run: to delete what an older run
// left, and to write config.json.
type starting struct {
	Config json.RawMessage `json:"config"`
}

// WriteManifest replaces the run's manifest.
func (r *RunDir) WriteManifest(m Manifest) error {
	return r.writeManifest(manifestFile{Manifest: m})
}

func (r *RunDir) writeManifest(m manifestFile) error {
	m.Format, m.Version = manifestFormat, manifestVersion
	return writeJSON(r.Path(ManifestName), m)
}

// ReadManifest reads the run's manifest.
func (r *RunDir) ReadManifest() (Manifest, error) {
	m, err := readManifest(r.Path(ManifestName))
	return m.Manifest, err
}

func readManifest(path string) (manifestFile, error) {
	var m manifestFile
	data, err := readFile(path)
	if err != nil {
		return m, fmt.Errorf("artifacts: %w", err)
	}
	if err := json.Unmarshal(data, &m); err != nil || m.Format != manifestFormat {
		return m, fmt.Errorf("artifacts: %s is not a manifest of pmx, or is damaged", path)
	}
	if m.Version > manifestVersion {
		return m, fmt.Errorf("artifacts: %s has version %d, this pmx knows up to %d: %w", path, m.Version, manifestVersion, errVersion)
	}
	return m, nil
}

// openFile opens a file of the run to read; it may be a link. It does not wait for a pipe.
func openFile(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = &fs.PathError{Op: "read", Path: path, Err: errors.New("not a regular file")}
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

func readFile(path string) ([]byte, error) {
	f, err := openFile(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(f)
}

// writeJSON writes v to a file of the run, indented for people, atomically.
func writeJSON(path string, v any) error {
	return atomicfile.WriteRegular(path, func(w io.Writer) error { return jsonEncoder(w).Encode(v) })
}

// jsonEncoder encodes as the files of a run are.
func jsonEncoder(w io.Writer) *json.Encoder {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e
}
