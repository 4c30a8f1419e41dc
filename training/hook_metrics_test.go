package training_test

import (
	"context"
	"path/filepath"
	"reflect"
	"slices"
	"testing"

	"pmx/artifacts"
	"pmx/training"
)

func TestMetricsHook(t *testing.T) {
	run, err := artifacts.CreateRun(filepath.Join(t.TempDir(), "run"), artifacts.Manifest{}, struct{}{}, false)
	if err != nil {
		t.Fatal(err)
	}
	defer run.Close()
	s := newFakeSession()
	knn := &training.EvalHook{EveryEpochs: 1, Evaluate: func(context.Context, *training.Loop) (map[string]float64, error) {
		return map[string]float64{"knn_top1": 61.5}, nil
	}}
	if err := fakeLoop(s, 4, 4, &training.MetricsHook{Run: run, Every: 2}, knn).Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	lines, err := run.ReadMetrics()
	if err != nil {
		t.Fatal(err)
	}
	var steps []int64
	for _, m := range lines {
		steps = append(steps, m.Step)
	}
	if want := []int64{2, 4, 4, 4}; !slices.Equal(steps, want) {
		t.Fatalf("lines of steps %v, want %v", steps, want)
	}
	step, epoch, eval := lines[0].Values, lines[2].Values, lines[3].Values
	for key, want := range map[string]any{"loss": s.losses[1], "grad_norm": 2 * s.losses[1], "epoch": .5, "lr": schedules(4)["lr"](1), "temperature": .2} {
		if step[key] != want {
			t.Errorf("step line: %s is %v, want %v", key, step[key], want)
		}
	}
	for _, key := range []string{"images_per_s", "data_wait_s", "step_s"} {
		if v, ok := step[key].(float64); !ok || !(v >= 0) {
			t.Errorf("step line: %s is %v", key, step[key])
		}
	}
	mean := (s.losses[0] + s.losses[1] + s.losses[2] + s.losses[3]) / 4
	if epoch["epoch"] != 1. || epoch["epoch_loss"] != mean || epoch["epoch_grad_norm"] == nil || epoch["epoch_images_per_s"] == nil ||
		epoch["epoch_wait_share"] == nil || epoch["epoch_s"] == nil ||
		epoch["epoch_step_s"] == nil || epoch["epoch_data_wait_s"] == nil {
		t.Errorf("epoch line %v, want mean loss %v", epoch, mean)
	}
	if want := map[string]any{"knn_top1": 61.5}; !reflect.DeepEqual(eval, want) {
		t.Errorf("evaluation line %v, want %v", eval, want)
	}
}
