package artifacts

import (
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
	// A profile of the training's first steps: the runtime's trace and its summary.
	ProfileName        = "profile.json"
	ProfileSummaryName = "profile.txt"
	// FeaturesPrefix begins the names of features of images, which end in .safetensors.
	FeaturesPrefix = "features-"

	lockName = ".lock" // held by the one process that writes the run
)

// ownPatterns lists what an overwrite deletes: files that pmx itself makes, and
// the manifest last, so that an interrupted overwrite can be repeated.
var ownPatterns = []string{
	MetricsName,
	"events.out.tfevents.*",
	filepath.Join(CheckpointsDir, "[0-9]*.safetensors"),
	EncoderName,
	EncoderName + ".data",
	"encoder.safetensors",
	FeaturesPrefix + "*.safetensors",
	ProfileName,
	ProfileSummaryName,
	ConfigName,
	ManifestName,
}

// RunDir is the folder of one training run, locked against other processes
// unless it came from ViewRun.
type RunDir struct {
	path string
	lock *filelock.Lock // nil in a view
}

// CreateRun makes the folder of a new run, and its parents, and locks it. A
// folder that already holds a run is refused unless overwrite is set: then the
// files that pmx made there are deleted, and no others. A folder with anything
// else in it is always refused.
func CreateRun(path string, overwrite bool) (*RunDir, error) {
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
	if err := r.prepare(overwrite); err != nil {
		r.Close()
		return nil, err
	}
	return r, nil
}

func (r *RunDir) prepare(overwrite bool) error {
	if err := checkFree(r.path, overwrite); err != nil {
		return err
	}
	if isRun(r.path) {
		if err := r.removeOwn(); err != nil {
			return err
		}
	}
	// The manifest comes first: from now on the folder is recognised as ours.
	if err := r.WriteManifest(Manifest{}); err != nil {
		return err
	}
	return r.makeCheckpointsDir()
}

// OpenRun locks the folder of a run to go on with it, and deletes what killed
// processes left unfinished.
func OpenRun(path string) (*RunDir, error) {
	if err := checkRun(path); err != nil {
		return nil, err
	}
	lock, err := lockDir(path)
	if err != nil {
		return nil, err
	}
	r := &RunDir{path: path, lock: lock}
	if err = r.makeCheckpointsDir(); err == nil {
		err = errors.Join(atomicfile.RemoveTemps(path), atomicfile.RemoveTemps(r.Path(CheckpointsDir)))
	}
	if err != nil {
		r.Close()
		return nil, err
	}
	return r, nil
}

// ViewRun gives a run for reading, also while another process writes it.
func ViewRun(path string) (*RunDir, error) {
	if err := checkRun(path); err != nil {
		return nil, err
	}
	return &RunDir{path: path}, nil
}

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

// checkRun says why the folder at path cannot be continued.
func checkRun(path string) error {
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("artifacts: there is no run at %s: start one with pmx train", path)
	} else if err != nil {
		return fmt.Errorf("artifacts: %w", err)
	}
	_, err := readManifest(filepath.Join(path, ManifestName))
	if errors.Is(err, errVersion) {
		return err
	}
	if _, unreadable := errors.AsType[*fs.PathError](err); unreadable && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, syscall.ENOTDIR) {
		return fmt.Errorf("%w: make it readable", err)
	} else if err != nil {
		return fmt.Errorf("%w: choose the folder of a run, or put back what the file was", err)
	}
	return nil
}

// isRun reports whether path holds a manifest of ours.
func isRun(path string) bool {
	_, err := readManifest(filepath.Join(path, ManifestName))
	return err == nil
}

func lockDir(dir string) (*filelock.Lock, error) {
	l, err := filelock.Try(filepath.Join(dir, lockName))
	if errors.Is(err, filelock.ErrHeld) {
		return nil, fmt.Errorf("artifacts: %s is %w: wait for it, stop it, or choose another folder", dir, err)
	}
	return l, err
}
