package tasks_test

import (
	"encoding/json"
	"math"
	"os"
	"testing"

	"pmx/builders"
	"pmx/internal/keys"
	"pmx/internal/require"
	"pmx/step"
	"pmx/tasks"
)

// TestMaskRCNNGroupsRecorded holds the learning rate and weight decay of every parameter
// to detectron2's recorded optimizers.
func TestMaskRCNNGroupsRecorded(t *testing.T) {
	for _, name := range []string{"vitdet", "taps"} {
		text, err := os.ReadFile("../../shared/fixtures/detection/" + name + ".json")
		if err != nil {
			require.Missing(t, "the recording ../shared/fixtures/detection")
		}
		var recorded struct {
			Config    map[string]json.RawMessage
			Optimizer map[string][2]float64
		}
		if err := json.Unmarshal(text, &recorded); err != nil {
			t.Fatal(err)
		}
		r := recordedDetector(t, recorded.Config)
		plan, err := r.Plan()
		if err != nil {
			t.Fatal(err)
		}
		built, err := tasks.BuildStep(t.Context(), r)
		if err != nil {
			t.Fatal(err)
		}
		trained := 0
		for _, s := range built.State {
			if s.Kind != step.Param {
				continue
			}
			trained++
			want, ok := recorded.Optimizer[s.Name]
			if !ok {
				t.Errorf("%s: no parameter %s is recorded", name, s.Name)
				continue
			}
			g := plan.Groups(&builders.Param{Name: s.Name, Shape: s.Shape})
			if rate, decay := g.Rate*r.LR, g.Decay*r.WeightDecay; math.Abs(rate-want[0]) > 1e-12 || decay != want[1] {
				t.Errorf("%s: %s has rate %g and decay %g, want %v", name, s.Name, rate, decay, want)
			}
		}
		if trained != len(recorded.Optimizer) {
			t.Errorf("%s: %d parameters, want %d", name, trained, len(recorded.Optimizer))
		}
	}
}

// recordedDetector takes the keys that a recording's configuration has over, as a stranger
// who writes a recipe does: names are the same, but for lists of one size and what is no
// key.
func recordedDetector(t *testing.T, config map[string]json.RawMessage) *tasks.MaskRCNN {
	t.Helper()
	task, err := tasks.Lookup("maskrcnn")
	if err != nil {
		t.Fatal(err)
	}
	r := task.New().(*tasks.MaskRCNN)
	have := map[string]json.RawMessage{}
	for _, key := range keys.Names(r) {
		if v, ok := config[key]; ok && key != "images" {
			have[key] = v
		}
	}
	have["anchor_sizes"], have["drop_path"] = json.RawMessage("[8,16,32,64,128]"), json.RawMessage("0")
	have["batch"], have["tap_norm"] = json.RawMessage("2"), json.RawMessage("true")
	text, err := json.Marshal(have)
	if err != nil {
		t.Fatal(err)
	}
	if err := keys.Read(r, text); err != nil {
		t.Fatal(err)
	}
	if err := tasks.Check(r); err != nil {
		t.Fatal(err)
	}
	return r
}

// TestMaskRCNNSchedules holds the learning rate of ViTDet's recipe to the published one:
// a warm-up of 250 steps from a thousandth, a tenth after 8/9 and .963 of 184,375 steps.
func TestMaskRCNNSchedules(t *testing.T) {
	p, err := tasks.LookupPreset("vitdet-base")
	if err != nil {
		t.Fatal(err)
	}
	r := p.Recipe().(*tasks.MaskRCNN)
	r.Epochs = 1
	lr := r.Schedules(184375)[step.HyperLR]
	for at, want := range map[int64]float64{0: 1e-7, 125: 5.005e-5, 250: 1e-4, 163888: 1e-4, 163890: 1e-5, 177552: 1e-5, 177554: 1e-6, 184374: 1e-6} {
		if got := lr(at); math.Abs(got-want) > 1e-9*want+1e-15 {
			t.Errorf("rate at step %d is %g, want %g", at, got, want)
		}
	}
}
