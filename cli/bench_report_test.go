package cli

import (
	"flag"
	"math"
	"slices"
	"strings"
	"testing"

	"pmx/builders"
	"pmx/tasks"

	"github.com/urfave/cli/v2"
)

func near(got, want float64) bool { return math.Abs(got-want) <= 1e-9*math.Abs(want) }

// TestReport sums up rounds whose numbers are known.
func TestReport(t *testing.T) {
	m := &comparison{
		rounds: 3, work: 6e9, options: benchOptions{threads: 2}, images: "photos", recipe: &tasks.Contrastive{SiameseConfig: builders.SiameseConfig{Batch: 12}},
		rows: []*benchRow{
			{name: "ort", rounds: []measurement{{MedianMS: 120, MeanMS: 130, PeakMiB: 5}, {MedianMS: 100, MeanMS: 108, PeakMiB: 7}, {MedianMS: 90, MeanMS: 90, PeakMiB: 6}}},
			{name: "threads-1", rounds: []measurement{{MedianMS: 180, MeanMS: 1}, {MedianMS: 170, MeanMS: 1}, {MedianMS: 190, MeanMS: 1}}},
			{name: "train", rounds: []measurement{{MedianMS: 110, MeanMS: 120, WaitShare: 0.3}, {MedianMS: 105, MeanMS: 135, WaitShare: 0.1}, {MedianMS: 99, MeanMS: 110, WaitShare: 0.2}}},
		},
		gemms: []*benchRow{{name: "a", gflops: []float64{60, 80, 70}}, {name: "b", gflops: []float64{100, 120, 90}}},
	}
	r := m.report()
	for _, c := range []struct {
		what      string
		got, want float64
	}{
		{"first's median", r.MedianMS, 100}, {"best round", r.Rows[0].BestMS, 90}, {"worst round", r.Rows[0].WorstMS, 120},
		{"first's third round", r.Rows[0].RoundMS[2], 90}, {"images/s", r.ImagesPerS, 120}, {"memory", float64(r.PeakMiB), 7},
		{"peak", r.Peak, 120}, {"a's peak", r.Gemms[0].GFLOPs, 80}, {"share of the peak", r.Rows[0].PeakShare, 0.5},
		{"speed-up", r.Scaling.SpeedUp, 1.8}, {"efficiency", r.Scaling.Efficiency, 0.9},
		{"train, x first", r.Rows[2].TimesFirst, 1.05}, {"train, images/s", r.Train.ImagesPerS, 100},
		{"train, of the step", r.Train.OfStep, 0.9}, {"train, wait", r.Train.WaitShare, 0.2},
	} {
		if !near(c.got, c.want) {
			t.Errorf("%s is %g, want %g", c.what, c.got, c.want)
		}
	}
	m.rows = m.rows[:1]
	if r := m.report(); r.Scaling != nil || r.Train != nil {
		t.Errorf("without their rows: %+v, %+v", r.Scaling, r.Train)
	}
}

// TestRows looks at what the first row's variants run.
func TestRows(t *testing.T) {
	p, err := tasks.LookupPreset("quickstart")
	if err != nil {
		t.Fatal(err)
	}
	m := &comparison{recipe: p.Recipe(), rows: []*benchRow{{name: "ort"}}, options: benchOptions{steps: 4, warmup: 1, runtime: "ort", kernels: "on", device: "cpu", library: "lib", threads: 3}}
	c := cli.NewContext(cli.NewApp(), flag.NewFlagSet("", flag.ContinueOnError), nil)
	for name, want := range map[string]string{
		"kernels-off": "bench step --json --config C --steps 4 --warmup 1 --runtime ort --kernels off --device cpu --threads 3 --ort-lib lib",
		"threads-1":   "bench step --json --config C --steps 4 --warmup 1 --runtime ort --kernels on --device cpu --threads 1 --ort-lib lib",
		"train":       "bench train --json --config C --steps 4 --warmup 1 --runtime ort --kernels on --device cpu --threads 3 --ort-lib lib",
	} {
		row, err := m.other(c, name, "C")
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(row.args, strings.Fields(want)) {
			t.Errorf("%s runs %v, want %s", name, row.args, want)
		}
	}
}
