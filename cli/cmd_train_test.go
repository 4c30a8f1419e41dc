package cli

import (
	"testing"

	"pmx/artifacts"
)

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
		step             int64
		name             string
		value            float64
		untrained, after float64 // what is known from here on
	}{
		{0, "knn_top1", 50, 50, 0},
		{10, "knn_top1", 60, 50, 0},
		{20, "loss", 3, 50, 0},
		{20, "knn_top1", 70, 50, 70},
	} {
		if err := log.Append(line.step, map[string]any{line.name: line.value}); err != nil {
			t.Fatal(err)
		}
		untrained, trained, err := accuracies(run, 20)
		if err != nil || untrained != line.untrained || trained != line.after {
			t.Errorf("after step %d of 20: untrained %g, trained %g, %v; want %g, %g", line.step, untrained, trained, err, line.untrained, line.after)
		}
	}
}
