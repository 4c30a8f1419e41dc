package training_test

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"testing"

	"pmx/artifacts/safetensors"
	"pmx/internal/recording"
	"pmx/onnxgraph"
	"pmx/training"
)

// TestSchedulesRecorded compares with the schedules that the published
// implementation's fixtures were made with: all steps, to the last digits of
// float64. Their recordings follow from: learning rate 5e-4 in a warm-up of one
// step, then from 1e-3 to 1e-6; weight decay .04 to .4; EMA momentum from .99.
func TestSchedulesRecorded(t *testing.T) {
	paths, err := filepath.Glob("../../shared/fixtures/*.safetensors")
	if err != nil || len(paths) == 0 {
		missing(t, "no fixtures in ../shared/fixtures")
	}
	momentum := 0
	for _, path := range paths {
		r, err := safetensors.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		var config struct{ Steps int64 }
		if err := json.Unmarshal([]byte(r.Metadata()["config"]), &config); err != nil {
			t.Fatal(err)
		}
		schedules := map[string]training.Schedule{
			"schedule/lr": training.WarmupCosine(5e-4, 1e-3, 1e-6, 1, config.Steps),
			"schedule/wd": training.Cosine(.04, .4, config.Steps),
		}
		if _, ok := r.Info("schedule/momentum"); ok {
			schedules["schedule/momentum"] = training.EMAMomentum(.99, config.Steps)
			momentum++
		}
		for name, schedule := range schedules {
			want, err := r.Tensor(name)
			if err != nil {
				t.Fatal(err)
			}
			for step, v := range onnxgraph.Data[float64](want) {
				if got := schedule(int64(step)); !(math.Abs(got-v) <= 2e-16) {
					t.Errorf("%s: %s at step %d is %.17g, want %.17g", filepath.Base(path), name, step, got, v)
				}
			}
		}
	}
	if momentum == 0 {
		t.Error("no fixture has an EMA momentum")
	}
}

// TestSupervisedSchedulesRecorded compares with the rates that the published scripts
// of PatchMix and MAE execute.
func TestSupervisedSchedulesRecorded(t *testing.T) {
	text, err := os.ReadFile(recording.Glob(t, "supervised/schedules.json")[0])
	if err != nil {
		t.Fatal(err)
	}
	var recorded struct {
		Finetune, Linear []struct {
			Size         string
			Batch        int
			Epochs       int64
			WarmupEpochs int64   `json:"warmup_epochs"`
			WarmupStart  float64 `json:"warmup_start"`
			Base, Floor  float64
			StemScale    float64   `json:"stem_scale"`
			StemEvery10  []float64 `json:"stem_every_10"`
			Head, Rate   []float64 // by epoch, of fine-tuning and of the linear probe
		}
		MAE struct {
			LR, Floor    float64
			WarmupEpochs int64 `json:"warmup_epochs"`
			Epochs       int64
			At           [][2]float64 // epoch, rate
		}
	}
	if err := json.Unmarshal(text, &recorded); err != nil {
		t.Fatal(err)
	}
	same := func(what string, got, want float64) {
		t.Helper()
		if !(math.Abs(got-want) <= 1e-12*math.Abs(want)) {
			t.Errorf("%s: %.17g, want %.17g", what, got, want)
		}
	}
	for _, r := range append(recorded.Finetune, recorded.Linear...) {
		schedule := training.PatchMixCosine(r.WarmupStart, training.PeakLR(r.Base, r.Batch), r.Floor, r.WarmupEpochs, r.Epochs)
		rates := append(r.Head, r.Rate...)
		if int64(len(rates)) != r.Epochs || len(r.Head) > 0 && int64(len(r.StemEvery10)) != r.Epochs/10 {
			t.Fatalf("%s: %d rates of %d epochs", r.Size, len(rates), r.Epochs)
		}
		for epoch, want := range rates {
			same(fmt.Sprintf("%s, batch %d, epoch %d", r.Size, r.Batch, epoch), schedule(int64(epoch)), want)
		}
		for i, want := range r.StemEvery10 {
			same(fmt.Sprintf("%s, batch %d, stem at epoch %d", r.Size, r.Batch, 10*i), r.StemScale*schedule(int64(10*i)), want)
		}
	}
	const stepsPerEpoch = 100
	mae := training.MAECosine(recorded.MAE.LR, recorded.MAE.Floor, recorded.MAE.WarmupEpochs*stepsPerEpoch, recorded.MAE.Epochs*stepsPerEpoch)
	for _, at := range recorded.MAE.At {
		same(fmt.Sprintf("MAE at epoch %g", at[0]), mae(int64(math.Round(at[0]*stepsPerEpoch))), at[1])
	}
	if len(recorded.Finetune) == 0 || len(recorded.Linear) == 0 || len(recorded.MAE.At) == 0 {
		t.Error("a kind of schedule is not recorded")
	}
}

// TestSchedules: values worked out by hand.
func TestSchedules(t *testing.T) {
	root := math.Sqrt(0.5)
	for _, c := range []struct {
		name     string
		schedule training.Schedule
		want     []float64 // at steps 0, 1, ...
	}{
		{"constant", training.Constant(.2), []float64{.2, .2, .2}},
		{"cosine", training.Cosine(1, 0, 4), []float64{1, (1 + root) / 2, .5, (1 - root) / 2, 0, 0, 0}},
		{"cosine of no steps", training.Cosine(3, 2, 0), []float64{2, 2}},
		{"line", training.Line(0, 1, 5), []float64{0, .25, .5, .75, 1, 1}},
		{"line of one step", training.Line(.5, 1, 1), []float64{.5, 1, 1}},
		{"line of no steps", training.Line(.5, 1, 0), []float64{1, 1}},
		// numpy: concatenate([linspace(0, 8, 3), 2 + .5*(8-2)*(1+cos(pi*arange(4)/4))])
		{"warm-up", training.WarmupCosine(0, 8, 2, 3, 7), []float64{0, 4, 8, 8, 5 + 3*root, 5, 5 - 3*root, 2, 2}},
		{"no warm-up", training.WarmupCosine(0, 8, 2, 0, 2), []float64{8, 5, 2}},
		{"warm-up only", training.WarmupCosine(0, 8, 2, 3, 3), []float64{0, 4, 8, 2}},
		{"MAE", training.MAECosine(8, 2, 2, 6), []float64{0, 4, 8, 5 + 3*root, 5, 5 - 3*root, 2, 2}},
		{"MAE without warm-up", training.MAECosine(8, 2, 0, 2), []float64{8, 5, 2, 2}},
		{"PatchMix", training.PatchMixCosine(1, 9, 2, 2, 4), []float64{1, 1, 5, 5.5, 5.5 - 3.5*root, 2, 2}},
		{"PatchMix without warm-up", training.PatchMixCosine(0, 8, 0, 0, 4), []float64{8, 8, 4 + 4*root, 4, 4 - 4*root, 0, 0}},
		{"momentum", training.EMAMomentum(.996, 2), []float64{.996, .998, 1, 1}},
		{"by epoch", training.ByEpoch(training.Line(.1, .2, 3), 2), []float64{.1, .1, .15, .15, .2, .2, .2}},
	} {
		for step, want := range c.want {
			if got := c.schedule(int64(step)); !(math.Abs(got-want) <= 1e-15) {
				t.Errorf("%s: %.17g at step %d, want %.17g", c.name, got, step, want)
			}
		}
	}
	at := training.Schedules{"lr": training.Line(0, 1, 3), "temperature": training.Constant(.2)}.At(1)
	if len(at) != 2 || at["lr"] != .5 || at["temperature"] != .2 {
		t.Errorf("schedules at step 1: %v", at)
	}
	if got := training.PeakLR(5e-4, 1024); got != 2e-3 {
		t.Errorf("peak of 5e-4 at batch 1024 is %g, want 2e-3", got)
	}
}
