package artifacts

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"pmx/internal/atomicfile"
)

// Checkpoints is a folder of checkpoints, one file a step.
type Checkpoints struct {
	Dir string
	// Keep is how many of the newest checkpoints Save leaves; 0 leaves all.
	Keep int
}

// ErrNoCheckpoint is in Latest's error when the folder has none.
var ErrNoCheckpoint = errors.New("no checkpoint yet")

// LastName is a link to the newest checkpoint, beside it.
const LastName = "last"

// checkpointExt ends the names of checkpoints: 000100.safetensors.
const checkpointExt = ".safetensors"

// Path is where the checkpoint of a step lies.
func (c Checkpoints) Path(step int64) string {
	return filepath.Join(c.Dir, fmt.Sprintf("%06d%s", step, checkpointExt))
}

// Save writes a checkpoint under its step, and, once it is safe on the disk,
// points LastName to it and deletes all but the newest Keep.
func (c Checkpoints) Save(checkpoint *Checkpoint) error {
	if err := atomicfile.WriteRegular(c.Path(checkpoint.Step), checkpoint.Write); err != nil {
		return err
	}
	c.link(checkpoint.Step)
	if c.Keep <= 0 {
		return nil
	}
	steps, err := c.List()
	if err != nil {
		return err
	}
	for _, step := range steps[:max(0, len(steps)-c.Keep)] {
		if step == checkpoint.Step { // older than those it was saved beside: still the newest state
			continue
		}
		if err := os.Remove(c.Path(step)); err != nil {
			return fmt.Errorf("artifacts: old checkpoint: %w", err)
		}
	}
	return nil
}

// link points LastName to the checkpoint of a step. It serves people and scripts, and pmx
// does not read it: on a file system without symbolic links there is none.
func (c Checkpoints) link(step int64) {
	last := filepath.Join(c.Dir, LastName)
	if info, err := os.Lstat(last); err == nil && info.Mode().Type() != fs.ModeSymlink {
		return // somebody else's
	}
	next := filepath.Join(c.Dir, "."+LastName)
	os.Remove(next) // of a process that was killed here
	if os.Symlink(filepath.Base(c.Path(step)), next) == nil {
		_ = os.Rename(next, last)
	}
}

// List gives the steps that have a checkpoint, in order. Unfinished files of
// killed processes and files of other names are not among them.
func (c Checkpoints) List() ([]int64, error) {
	entries, err := os.ReadDir(c.Dir)
	if err != nil {
		return nil, fmt.Errorf("artifacts: %w", err)
	}
	var steps []int64
	for _, e := range entries {
		digits, isCheckpoint := strings.CutSuffix(e.Name(), checkpointExt)
		step, err := strconv.ParseInt(digits, 10, 64)
		if isCheckpoint && err == nil && step >= 0 && filepath.Base(c.Path(step)) == e.Name() {
			steps = append(steps, step)
		}
	}
	slices.Sort(steps)
	return steps, nil
}

// Newest gives the newest step that has a checkpoint, which may be damaged. Who fails to
// read it asks Latest what to do.
func (c Checkpoints) Newest() (step int64, err error) {
	steps, err := c.List()
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return 0, err
	}
	if len(steps) == 0 {
		return 0, fmt.Errorf("artifacts: %s: %w: train on by pmx train --resume", c.Dir, ErrNoCheckpoint)
	}
	return steps[len(steps)-1], nil
}

// Latest gives the newest step that has a checkpoint, having read it through.
// If that one is damaged, the error says so and names the newest good one; it
// is for the user to decide to go back. One that cannot be read may be good: the
// error advises to delete nothing.
func (c Checkpoints) Latest() (step int64, err error) {
	newest, err := c.Newest()
	if err != nil {
		return 0, err
	}
	err = c.verify(newest)
	if err == nil {
		return newest, nil
	}
	if _, unreadable := errors.AsType[*fs.PathError](err); unreadable {
		return 0, fmt.Errorf("%w: it may be good, make it readable", err)
	}
	if errors.Is(err, errVersion) || errors.Is(err, errMisnamed) {
		return 0, err
	}
	steps, listErr := c.List()
	if listErr != nil {
		return 0, listErr
	}
	for _, step := range slices.Backward(steps) {
		if step < newest && c.verify(step) == nil {
			return 0, fmt.Errorf("%w; the newest good checkpoint is %s: delete the damaged file to continue from there", err, c.Path(step))
		}
	}
	return 0, fmt.Errorf("%w; no older checkpoint is good: start again with --overwrite", err)
}

// errMisnamed is in the error of a checkpoint that is good under its own name.
var errMisnamed = errors.New("it has another one's name")

// verify reads the checkpoint of a step through.
func (c Checkpoints) verify(step int64) error {
	r, err := OpenCheckpoint(c.Path(step))
	if err != nil {
		return err
	}
	defer r.Close()
	own := c.Path(r.Step)
	if _, err := os.Lstat(own); r.Step != step && errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("artifacts: %s is of step %d, %w: give it its own, %s", c.Path(step), r.Step, errMisnamed, own)
	}
	if r.Step != step {
		return fmt.Errorf("artifacts: %s is of step %d: it has another one's name", c.Path(step), r.Step)
	}
	return r.Verify()
}
