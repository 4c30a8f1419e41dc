package training_test

import (
	"context"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"testing"
	"time"

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
	var rows []artifacts.Metrics
	for row, err := range run.Metrics() {
		if err != nil {
			t.Fatal(err)
		}
		rows = append(rows, row.Metrics())
	}
	var order []string
	for _, m := range rows {
		order = append(order, fmt.Sprint(m.Kind, " ", m.Step, " ", m.Epoch))
		if age := time.Since(m.Time); age < 0 || age > time.Minute {
			t.Errorf("a row of now is of %v", m.Time)
		}
	}
	if want := []string{"step 2 0.5", "step 4 1", "epoch 4 1", "eval 4 1"}; !slices.Equal(order, want) {
		t.Fatalf("rows %q, want %q", order, want)
	}
	step, epoch, eval := rows[0].Tags, rows[2].Tags, rows[3].Tags
	for tag, want := range map[string]float64{"train/loss": s.losses[1], "train/grad_norm": 2 * s.losses[1], "hyper/lr": schedules(4)["lr"](1), "hyper/temperature": .2} {
		if step[tag] != want {
			t.Errorf("step: %s is %v, want %v", tag, step[tag], want)
		}
	}
	if mean := (s.losses[0] + s.losses[1] + s.losses[2] + s.losses[3]) / 4; epoch["epoch/loss"] != mean {
		t.Errorf("epoch %v, want mean loss %v", epoch, mean)
	}
	if want := map[string]float64{"eval/knn_top1": 61.5}; !maps.Equal(eval, want) {
		t.Errorf("evaluation %v, want %v", eval, want)
	}
}

// TestMetricsAreTensorBoards: every number of a run is in both files under one name, and
// both have the same ones.
func TestMetricsAreTensorBoards(t *testing.T) {
	run, err := artifacts.CreateRun(filepath.Join(t.TempDir(), "run"), artifacts.Manifest{}, struct{}{}, false)
	if err != nil {
		t.Fatal(err)
	}
	defer run.Close()
	knn := &training.EvalHook{EveryEpochs: 1, Untrained: true, Evaluate: func(context.Context, *training.Loop) (map[string]float64, error) {
		return map[string]float64{"knn_top1": 61.5}, nil
	}}
	if err := fakeLoop(newFakeSession(), 5, 2, &training.MetricsHook{Run: run}, &training.TensorBoardHook{Dir: run.Path()}, knn).Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	points := scalars(t, run.Path())
	count := 0
	for row, err := range run.Metrics() {
		if err != nil {
			t.Fatal(err)
		}
		m := row.Metrics()
		for tag, v := range m.Tags {
			key := fmt.Sprintf("%d %s", m.Step, tag)
			if point, ok := points[key]; !ok || float32(v) != float32(point) {
				t.Errorf("%s is %g, and %g (%t) for TensorBoard", key, v, point, ok)
			}
			count++
		}
	}
	if count != len(points) || count < 50 {
		t.Errorf("%d numbers, %d for TensorBoard", count, len(points))
	}
}
