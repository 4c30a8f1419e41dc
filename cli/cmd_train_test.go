package cli

import (
	"encoding/json"
	"errors"
	"flag"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/urfave/cli/v2"

	"pmx/artifacts"
	"pmx/images"
	"pmx/internal/errtest"
	"pmx/internal/require"
	"pmx/patchmix"
	"pmx/training"
)

// TestPlace resumes after a step of a training whose epochs had 10 steps, with
// images that make other numbers of steps.
func TestPlace(t *testing.T) {
	for name, c := range map[string]struct {
		position string
		step     int64
		perEpoch int64
		want     patchmix.Position
		noted    bool
		averages int // steps in them
	}{
		"as before":                   {`{"epoch":1,"step":7,"steps_per_epoch":10}`, 17, 10, patchmix.Position{Epoch: 1, Step: 7}, false, 7},
		"fewer":                       {`{"epoch":1,"step":7,"steps_per_epoch":10}`, 17, 5, patchmix.Position{Epoch: 3, Step: 2}, true, 0},
		"more":                        {`{"epoch":1,"step":7,"steps_per_epoch":10}`, 17, 12, patchmix.Position{Epoch: 1, Step: 5}, true, 0},
		"fewer, first epoch":          {`{"epoch":0,"step":7,"steps_per_epoch":10}`, 7, 5, patchmix.Position{Epoch: 1, Step: 2}, true, 0},
		"as many as done":             {`{"epoch":0,"step":7,"steps_per_epoch":10}`, 7, 7, patchmix.Position{Epoch: 1}, true, 0},
		"more, first epoch":           {`{"epoch":0,"step":7,"steps_per_epoch":10}`, 7, 12, patchmix.Position{Step: 7}, true, 7},
		"as before, not recorded":     {`{"epoch":0,"step":7}`, 7, 10, patchmix.Position{Step: 7}, false, 7},
		"fewer, not recorded":         {`{"epoch":0,"step":7}`, 7, 5, patchmix.Position{Epoch: 1, Step: 2}, true, 0},
		"as many, not recorded":       {`{"epoch":0,"step":7}`, 7, 7, patchmix.Position{Epoch: 1}, true, 0},
		"second epoch, not recorded":  {`{"epoch":1,"step":7}`, 17, 5, patchmix.Position{Epoch: 3, Step: 2}, true, 0},
		"at the end of the first one": {`{"epoch":1,"step":0,"steps_per_epoch":10}`, 10, 5, patchmix.Position{Epoch: 2}, true, 0},
	} {
		r := &trainer{steps: 20 * c.perEpoch, recipe: Recipe{}, from: training.Resumed{Step: c.step, Position: json.RawMessage(c.position), Averages: training.Averages{Steps: 7}}}
		r.recipe.Epochs = 20
		note, err := r.place()
		if err != nil {
			t.Fatal(err)
		}
		var got feederPosition
		if err := json.Unmarshal(r.from.Position, &got); err != nil {
			t.Fatal(err)
		}
		if want := (feederPosition{c.want, int(c.perEpoch)}); got != want {
			t.Errorf("%s: position %+v, want %+v", name, got, want)
		}
		if strings.Contains(note, "an epoch has") != c.noted || note == "" == c.noted {
			t.Errorf("%s: note %q, want one: %t", name, note, c.noted)
		}
		if int(r.from.Averages.Steps) != c.averages {
			t.Errorf("%s: averages of %d steps, want %d", name, r.from.Averages.Steps, c.averages)
		}
	}
}

// TestAccuracies: what was measured half way is no result of the training.
func TestAccuracies(t *testing.T) {
	run, err := artifacts.CreateRun(t.TempDir(), false)
	if err != nil {
		t.Fatal(err)
	}
	defer run.Close()
	log, err := run.OpenMetrics(0)
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	for _, line := range []struct {
		step     int64
		name     string
		value    float64
		measured bool // both, from here on
	}{
		{0, "knn_top1", 0, false}, // no image is classified right: a result like any other
		{10, "knn_top1", 60, false},
		{20, "loss", 3, false},
		{20, "knn_top1", 70, true},
	} {
		if err := log.Append(line.step, map[string]any{line.name: line.value}); err != nil {
			t.Fatal(err)
		}
		untrained, trained, measured, err := accuracies(run, 20)
		if err != nil || measured != line.measured {
			t.Errorf("after %s of step %d of 20: measured %t, %v", line.name, line.step, measured, err)
		}
		if measured && (untrained != 0 || trained != 70) {
			t.Errorf("untrained %g, trained %g, want 0, 70", untrained, trained)
		}
	}
}

// TestImageRemedy: what an error of an image advises is what then works.
func TestImageRemedy(t *testing.T) {
	dir := t.TempDir()
	if err := draw(filepath.Join(dir, "photos"), 1, 2); err != nil {
		t.Fatal(err)
	}
	data, err := images.Open("folder:"+filepath.Join(dir, "photos"), images.Train)
	if err != nil {
		t.Fatal(err)
	}
	r := &trainer{c: cli.NewContext(nil, flag.NewFlagSet("", flag.ContinueOnError), nil), data: data}
	for _, c := range []struct {
		name string
		err  error
		want string
	}{
		{"photos/1.png", errors.New("corrupt"), ": corrupt: repair or remove it; then go on by pmx train --resume --accept-changed-data --out"},
		{"photos/1.png", fs.ErrNotExist, " is not there: put it back; then go on by pmx train --resume --out"},
		{"test/1.png", errors.New("corrupt"), ": corrupt: repair or remove it; then go on by pmx train --resume --out"},
	} {
		path := filepath.Join(dir, c.name)
		errtest.OneLine(t, r.imageRemedy(&images.ImageError{Path: path, Err: c.err}), path+c.want)
	}
}

// TestTrainPathNotUTF8: config.json could not say where the images lie.
func TestTrainPathNotUTF8(t *testing.T) {
	dir := t.TempDir()
	data := filepath.Join(dir, "photos\xff")
	if err := drawAll(data); err != nil {
		require.Missing(t, err) // some file systems take no such name
	}
	run := filepath.Join(dir, "run")
	var stderr strings.Builder
	code := Main(t.Context(), []string{"train", "--preset", "quickstart", "--runtime", "reference", "--set", "batch=4", "--no-knn",
		"--set", "dim=4", "--set", "heads=1", "--set", "depth=1", "--data", "folder:" + filepath.Join(data, "classes"), "--out", run}, io.Discard, &stderr)
	if want := `photos\xff/classes": config.json cannot hold a path that is not UTF-8: rename the folder, or name a link to it`; code != ExitUsage || !strings.Contains(stderr.String(), want) {
		t.Errorf("exit code %d, %s, want %d, %s", code, stderr.String(), ExitUsage, want)
	}
	if _, err := os.Stat(run); err == nil {
		t.Error("a run was begun")
	}
}
