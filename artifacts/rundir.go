package artifacts

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"pmx/artifacts/filelock"
	"pmx/internal/atomicfile"
)

// The names in a run directory.
const (
	ManifestName   = "manifest.json"
	ConfigName     = "config.json"
	MetricsName    = "metrics.jsonl"
	CheckpointsDir = "checkpoints"
	EncoderName    = "encoder.onnx"
	ClassifierName = "classifier.onnx"
	// A profile of the training's first steps: the runtime's trace and its summary.
	ProfileName        = "profile.json"
	ProfileSummaryName = "profile.txt"
	// SkippedName lists the images that could not be read: a path, a tab and the reason.
	SkippedName = "skipped-images.txt"
	// FeaturesPrefix begins the names of features of images, which end in .safetensors.
	FeaturesPrefix = "features-"

	lockName = ".lock" // held by the one process that writes the run
)

// ownPatterns lists what an overwrite deletes: files that pmx itself makes. The manifest
// is replaced before.
var ownPatterns = []string{
	ConfigName,
	MetricsName,
	"events.out.tfevents.*",
	filepath.Join(CheckpointsDir, "[0-9]*.safetensors"),
	EncoderName,
	EncoderName + ".data",
	"encoder.safetensors",
	ClassifierName,
	ClassifierName + ".data",
	"classifier.safetensors",
	FeaturesPrefix + "*.safetensors",
	ProfileName,
	ProfileSummaryName,
	SkippedName,
}

// RunDir is the folder of one training run, locked against other processes
// unless it came from ViewRun.
type RunDir struct {
	path string
	lock *filelock.Lock // nil in a view
}

// CreateRun makes the folder of a new run, and its parents, locks it, and writes the
// manifest and the configuration, any value that encodes as a JSON object. A folder that
// already holds a run is refused unless overwrite is set: then the files that pmx made
// there are deleted, and no others. A folder with anything else in it is always refused.
//
// The new manifest replaces an older one first, and says until the end what is still to
// be done: whenever the process is killed, the folder holds the old run untouched or a
// start that OpenRun completes.
func CreateRun(path string, m Manifest, config any, overwrite bool) (*RunDir, error) {
	var text bytes.Buffer
	if err := jsonEncoder(&text).Encode(config); err != nil {
		return nil, fmt.Errorf("artifacts: config: %w", err)
	}
	if err := os.MkdirAll(path, 0o777); err != nil {
		return nil, fmt.Errorf("artifacts: run directory: %w", err)
	}
	// Look before locking too, so as not to leave a lock file in a folder that is not ours.
	if err := checkFree(path, overwrite); err != nil {
		return nil, err
	}
	lock, err := lockDir(path)
	if err != nil {
		return nil, err
	}
	r := &RunDir{path: path, lock: lock}
	if err = checkFree(path, overwrite); err == nil {
		err = r.start(manifestFile{Manifest: m, Starting: &starting{text.Bytes()}})
	}
	if err != nil {
		r.Close()
		return nil, err
	}
	return r, nil
}

// start begins a run, or completes what a killed process has begun.
func (r *RunDir) start(m manifestFile) error {
	if err := r.writeManifest(m); err != nil {
		return err
	}
	if err := r.removeOwn(); err != nil {
		return err
	}
	if err := r.WriteConfig(m.Starting.Config); err != nil {
		return err
	}
	if err := r.makeCheckpointsDir(); err != nil {
		return err
	}
	return r.WriteManifest(m.Manifest)
}

// OpenRun locks the folder of a run to continue with it, completes a start that was
// interrupted, and deletes what killed processes left unfinished.
func OpenRun(path string) (*RunDir, error) {
	if _, err := checkRun(path); err != nil {
		return nil, err
	}
	lock, err := lockDir(path)
	if err != nil {
		return nil, err
	}
	r := &RunDir{path: path, lock: lock}
	m, err := checkRun(path) // again: another process may have held the lock
	if err == nil && m.Starting != nil {
		err = r.start(m)
	}
	if err == nil {
		err = r.makeCheckpointsDir()
	}
	if err == nil {
		err = errors.Join(atomicfile.RemoveTemps(path), atomicfile.RemoveTemps(r.Path(CheckpointsDir)))
	}
	if err != nil {
		r.Close()
		return nil, err
	}
	return r, nil
}

// ManifestPath is where the manifest of a run in a folder lies.
func ManifestPath(dir string) string { return filepath.Join(dir, ManifestName) }

// ViewRun gives a run for reading, also while another process writes it. The error is an
// ErrStarting where there is none to look at yet.
func ViewRun(path string) (*RunDir, error) {
	m, err := checkRun(path)
	if err != nil {
		return nil, err
	}
	if m.Starting != nil {
		return nil, fmt.Errorf("artifacts: %s: %w: complete it by pmx train --resume %s, or repeat it with --overwrite", path, ErrStarting, path)
	}
	return &RunDir{path: path}, nil
}

// RunOf gives the run in whose folder of checkpoints a file lies, for reading; ok is false
// where it lies elsewhere.
func RunOf(checkpoint string) (run *RunDir, ok bool) {
	path, err := filepath.Abs(checkpoint)
	if err != nil || filepath.Base(filepath.Dir(path)) != CheckpointsDir {
		return nil, false
	}
	run, err = ViewRun(filepath.Dir(filepath.Dir(path)))
	return run, err == nil
}

// ErrStarting is in the error of ViewRun for a run whose start was interrupted before its
// folder was ready. What the folder holds besides is of an older run.
var ErrStarting = errors.New("the start of this run was interrupted")

// Close releases the lock.
func (r *RunDir) Close() error {
	if r.lock == nil {
		return nil
	}
	return r.lock.Release()
}

// Path is the path of a file in the run: r.Path("encoder.onnx").
func (r *RunDir) Path(elem ...string) string {
	return filepath.Join(append([]string{r.path}, elem...)...)
}

// Checkpoints are the run's checkpoints.
func (r *RunDir) Checkpoints() Checkpoints { return Checkpoints{Dir: r.Path(CheckpointsDir)} }

func (r *RunDir) makeCheckpointsDir() error {
	if err := os.MkdirAll(r.Path(CheckpointsDir), 0o777); err != nil {
		return fmt.Errorf("artifacts: %w", err)
	}
	return nil
}

func (r *RunDir) removeOwn() error {
	if err := errors.Join(atomicfile.RemoveTemps(r.path), removeTempsIfAny(r.Path(CheckpointsDir))); err != nil {
		return err
	}
	for _, pattern := range ownPatterns {
		// Only the pattern is ours: a run may lie in a folder called "[a]".
		files, err := fs.Glob(os.DirFS(r.path), filepath.ToSlash(pattern))
		if err != nil {
			return fmt.Errorf("artifacts: %w", err)
		}
		for _, name := range files {
			if err := os.Remove(r.Path(name)); err != nil {
				return fmt.Errorf("artifacts: overwrite: %w", err)
			}
		}
	}
	// No checkpoint of the old run may come back after a power failure.
	if err := atomicfile.SyncDir(r.Path(CheckpointsDir)); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

func removeTempsIfAny(dir string) error {
	if err := atomicfile.RemoveTemps(dir); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// checkFree says why a new run cannot begin in the folder at path.
func checkFree(path string, overwrite bool) error {
	entries, err := os.ReadDir(path)
	if err != nil {
		return fmt.Errorf("artifacts: run directory: %w", err)
	}
	var content string
	for _, e := range entries {
		if e.Name() != lockName && !atomicfile.IsTemp(e.Name()) {
			content = e.Name()
			break
		}
	}
	_, err = readManifest(filepath.Join(path, ManifestName))
	switch {
	case content == "":
		return nil
	case errors.Is(err, errVersion):
		return err
	case err != nil:
		return fmt.Errorf("artifacts: %s is not empty (it holds %s) and is not a run of pmx: choose a new folder", path, content)
	case !overwrite:
		return fmt.Errorf("artifacts: %s holds a run already: continue it with --resume, or start again with --overwrite", path)
	}
	return nil
}

// checkRun reads the manifest of the folder at path, or says why it cannot be continued.
func checkRun(path string) (manifestFile, error) {
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return manifestFile{}, fmt.Errorf("artifacts: there is no run at %s: start one with pmx train", path)
	} else if err != nil {
		return manifestFile{}, fmt.Errorf("artifacts: %w", err)
	}
	m, err := readManifest(filepath.Join(path, ManifestName))
	if err == nil || errors.Is(err, errVersion) {
		return m, err
	}
	if _, unreadable := errors.AsType[*fs.PathError](err); unreadable && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, syscall.ENOTDIR) {
		return m, fmt.Errorf("%w: make it readable", err)
	}
	return m, fmt.Errorf("%w: choose the folder of a run, or restore the file from a copy", err)
}

func lockDir(dir string) (*filelock.Lock, error) {
	l, err := filelock.Try(filepath.Join(dir, lockName))
	if errors.Is(err, filelock.ErrHeld) {
		return nil, fmt.Errorf("artifacts: %s is %w: wait for it, stop it, or choose another folder", dir, err)
	}
	return l, err
}
