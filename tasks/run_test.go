package tasks

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"

	"pmx/artifacts"
	"pmx/images"
	"pmx/internal/errtest"
	"pmx/training"
)

// TestPlace resumes after a step of a training whose epochs had 10 steps, with
// images that make other numbers of steps.
func TestPlace(t *testing.T) {
	for name, c := range map[string]struct {
		position training.Position
		step     int64
		perEpoch int
		want     training.Position
		noted    bool
		averages int // steps in them
	}{
		"as before":                   {training.Position{Epoch: 1, Step: 7, StepsPerEpoch: 10}, 17, 10, training.Position{Epoch: 1, Step: 7}, false, 7},
		"fewer":                       {training.Position{Epoch: 1, Step: 7, StepsPerEpoch: 10}, 17, 5, training.Position{Epoch: 3, Step: 2}, true, 0},
		"more":                        {training.Position{Epoch: 1, Step: 7, StepsPerEpoch: 10}, 17, 12, training.Position{Epoch: 1, Step: 5}, true, 0},
		"fewer, first epoch":          {training.Position{Epoch: 0, Step: 7, StepsPerEpoch: 10}, 7, 5, training.Position{Epoch: 1, Step: 2}, true, 0},
		"as many as done":             {training.Position{Epoch: 0, Step: 7, StepsPerEpoch: 10}, 7, 7, training.Position{Epoch: 1}, true, 0},
		"more, first epoch":           {training.Position{Epoch: 0, Step: 7, StepsPerEpoch: 10}, 7, 12, training.Position{Step: 7}, true, 7},
		"as before, not recorded":     {training.Position{Epoch: 0, Step: 7}, 7, 10, training.Position{Step: 7}, false, 7},
		"fewer, not recorded":         {training.Position{Epoch: 0, Step: 7}, 7, 5, training.Position{Epoch: 1, Step: 2}, true, 0},
		"as many, not recorded":       {training.Position{Epoch: 0, Step: 7}, 7, 7, training.Position{Epoch: 1}, true, 0},
		"second epoch, not recorded":  {training.Position{Epoch: 1, Step: 7}, 17, 5, training.Position{Epoch: 3, Step: 2}, true, 0},
		"at the end of the first one": {training.Position{Epoch: 1, Step: 0, StepsPerEpoch: 10}, 10, 5, training.Position{Epoch: 2}, true, 0},
	} {
		r := &run{steps: 20 * int64(c.perEpoch), perEpoch: c.perEpoch, recipe: &Contrastive{Base: Base{Epochs: 20}},
			from: training.Resumed{Step: c.step, Position: c.position, Averages: training.Averages{Steps: 7}}}
		note, err := r.place()
		if err != nil {
			t.Fatal(err)
		}
		if c.want.StepsPerEpoch = c.perEpoch; r.from.Position != c.want {
			t.Errorf("%s: position %+v, want %+v", name, r.from.Position, c.want)
		}
		if strings.Contains(note, "an epoch has") != c.noted || note == "" == c.noted {
			t.Errorf("%s: note %q, want one: %t", name, note, c.noted)
		}
		if int(r.from.Averages.Steps) != c.averages {
			t.Errorf("%s: averages of %d steps, want %d", name, r.from.Averages.Steps, c.averages)
		}
	}
}

// TestResumeComparesArchitecture: a checkpoint of another number of heads than the run's is
// not resumed from.
func TestResumeComparesArchitecture(t *testing.T) {
	recipe := &Contrastive{}
	recipe.Heads, recipe.Dim = 3, 12
	for arch, want := range map[string]string{
		``: "", `{"embed_dim":12,"num_heads":3}`: "", `{"embed_dim":12,"num_heads":4}`: "num_heads 4, the run's configuration heads 3", `[]`: "names no architecture",
	} {
		r := &run{recipe: recipe, from: training.Resumed{Path: "000007.safetensors", Arch: json.RawMessage(arch)}}
		err := r.checkArchitecture()
		if (err == nil) != (want == "") {
			t.Errorf("%s: %v, want %q", arch, err, want)
		}
		if err != nil {
			errtest.OneLine(t, err, "000007.safetensors", want)
		}
	}
}

// TestAccuracies: what was measured half way is no result of the training.
func TestAccuracies(t *testing.T) {
	dir, err := artifacts.CreateRun(t.TempDir(), artifacts.Manifest{}, struct{}{}, false)
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	log, err := dir.OpenMetrics(0)
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	for _, line := range []struct {
		step     int64
		tag      string
		value    float64
		measured bool // both, from here on
	}{
		{0, "eval/knn_top1", 0, false}, // no image is classified right: a result like any other
		{10, "eval/knn_top1", 60, false},
		{20, "train/loss", 3, false},
		{20, "eval/knn_top1", 70, true},
	} {
		if err := log.Append(artifacts.Metrics{Kind: artifacts.MetricsEval, Step: line.step, Tags: map[string]float64{line.tag: line.value}}); err != nil {
			t.Fatal(err)
		}
		var out strings.Builder
		r := &run{Options: Options{Out: &out}, dir: dir, steps: 20, recipe: &unexported{}, evaluation: &Evaluation{Key: "knn_top1", Untrained: true,
			Summary: func(c Course) string {
				return fmt.Sprint(c.Untrained, " to ", c.Last, ", best ", c.Best, " at ", c.BestStep)
			}}}
		want := ""
		if line.measured {
			want = "0 to 70, best 70 at 20\n"
		}
		if err := r.finish(t.Context()); err != nil || out.String() != want {
			t.Errorf("after %s of step %d of 20: %q, %v, want %q", line.tag, line.step, out.String(), err, want)
		}
	}
}

// TestImageRemedy: what an error of an image advises is what then works.
func TestImageRemedy(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"photos/1.png", "photos/2.png"} { // a digest is of names and sizes
		writeText(t, filepath.Join(dir, name), "no pixels")
	}
	train, err := images.Open("folder:"+filepath.Join(dir, "photos"), images.Train)
	if err != nil {
		t.Fatal(err)
	}
	r := &run{data: &contrastiveData{ImageData: ImageData{Train: train}}}
	for _, c := range []struct {
		name string
		err  error
		want string
	}{
		{"photos/1.png", errors.New("corrupt"), ": corrupt: repair or remove it; then continue by pmx train --resume --accept-changed-data "},
		{"photos/1.png", fs.ErrNotExist, " is not there: put it back; then continue by pmx train --resume "},
		{"test/1.png", errors.New("corrupt"), ": corrupt: repair or remove it; then continue by pmx train --resume "},
	} {
		path := filepath.Join(dir, c.name)
		errtest.OneLine(t, r.imageRemedy(&images.ImageError{Path: path, Err: c.err}), path+c.want)
	}
}

// unexported is a recipe without results of its own.
type unexported struct{ Recipe }
