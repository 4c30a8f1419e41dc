package cli

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"pmx/internal/keys"
	"pmx/internal/table"
	"pmx/tasks"
)

// comparisonReport is the result as JSON. The first row's numbers are at the top,
// as in a bench step without --against.
type comparisonReport struct {
	measurement
	Preset  string             `json:"preset"`
	Batch   int                `json:"batch"`
	Threads int                `json:"threads"`
	Steps   int                `json:"steps"`
	Warmup  int                `json:"warmup"`
	Rounds  int                `json:"rounds"`
	GFLOP   float64            `json:"gflop"`             // of matrix products in a step
	Peak    float64            `json:"sgemm_gflop_per_s"` // the machine's: the largest of Gemms
	Gemms   []gemmResult       `json:"sgemm"`
	Scaling *scalingResult     `json:"scaling,omitempty"` // with the row threads-1
	Train   *trainResult       `json:"train,omitempty"`   // with the row train
	Rows    []comparisonResult `json:"rows"`
}

// gemmResult is the best that one program's sgemm did in any round.
type gemmResult struct {
	Name   string  `json:"name"`
	GFLOPs float64 `json:"gflop_per_s"`
}

// comparisonResult is one row of the result.
type comparisonResult struct {
	Name string `json:"name"`
	measurement
	BestMS     float64   `json:"best_round_ms"`
	WorstMS    float64   `json:"worst_round_ms"`
	TimesFirst float64   `json:"times_first"` // its time in units of the first row's
	PeakShare  float64   `json:"sgemm_share"` // of a step's operations per second in the machine's peak
	RoundMS    []float64 `json:"round_ms"`
}

// scalingResult is what the threads of bench step --against gain over one.
type scalingResult struct {
	Threads    int     `json:"threads"`
	SpeedUp    float64 `json:"speed_up"`   // one thread's time in units of theirs
	Efficiency float64 `json:"efficiency"` // of a speed-up by their number
}

// trainResult is what a training keeps of the rate of its step alone. It goes by
// mean times, since the data may be late for a few steps only.
type trainResult struct {
	Data       string  `json:"data"`
	ImagesPerS float64 `json:"images_per_s"`
	OfStep     float64 `json:"of_step"`    // of the first row's rate
	WaitShare  float64 `json:"wait_share"` // of the time, waiting for data
}

// report sums the rounds up.
func (m *comparison) report() comparisonReport {
	report := comparisonReport{
		Preset: m.recipe.Common().Preset, Batch: m.recipe.BatchSize(), Threads: m.options.threads, Steps: m.options.steps, Warmup: m.options.warmup,
		Rounds: m.rounds, GFLOP: float64(m.work) / 1e9,
	}
	for _, row := range m.gemms {
		g := gemmResult{row.name, slices.Max(row.gflops)}
		report.Gemms, report.Peak = append(report.Gemms, g), max(report.Peak, g.GFLOPs)
	}
	report.measurement = m.rows[0].result(m.recipe.BatchSize())
	for _, row := range m.rows {
		r := comparisonResult{Name: row.name, measurement: row.result(m.recipe.BatchSize())}
		r.TimesFirst = r.MedianMS / report.MedianMS
		r.PeakShare = report.GFLOP / (r.MedianMS / 1e3) / report.Peak
		for _, round := range row.rounds {
			r.RoundMS = append(r.RoundMS, round.MedianMS)
		}
		r.BestMS, r.WorstMS = slices.Min(r.RoundMS), slices.Max(r.RoundMS)
		report.Rows = append(report.Rows, r)
		switch row.name {
		case oneThread:
			report.Scaling = &scalingResult{report.Threads, r.TimesFirst, r.TimesFirst / float64(report.Threads)}
		case endToEnd:
			report.Train = &trainResult{m.images, float64(report.Batch) / r.MeanMS * 1e3, report.MeanMS / r.MeanMS, r.WaitShare}
		}
	}
	return report
}

// print shows the table, below what it compares.
func (report comparisonReport) print(out io.Writer, r tasks.Recipe) error {
	fmt.Fprintf(out, "a %s step of %d images: forward, backward, optimizer", r.TaskName(), r.BatchSize())
	if encoded, ok := r.(tasks.Encoded); ok {
		fmt.Fprintf(out, "; %s", architectureLine(encoded.Architecture()))
	}
	for _, key := range []string{"momentum_encoder", "drop_path", "local_crops"} {
		if value := keys.Get(r, key); value != "" {
			fmt.Fprintf(out, "; %s %s", key, value)
		}
	}
	fmt.Fprintln(out)
	var gemms []string
	for _, g := range report.Gemms {
		gemms = append(gemms, fmt.Sprintf("%s %.4g", g.Name, g.GFLOPs))
	}
	fmt.Fprintf(out, "%.4g GFLOP in matrix products, as pmx builds it; sgemm on this machine %.4g GFLOP/s (%s); %d threads; medians of %d rounds of %d steps\n\n",
		report.GFLOP, report.Peak, strings.Join(gemms, ", "), report.Threads, report.Rounds, report.Steps)
	t := table.New(out)
	t.Row("", "ms a step", "best", "worst", "x first", "images/s", "peak MiB", "of sgemm")
	for _, row := range report.Rows {
		ms := func(v float64) string { return fmt.Sprintf("%.1f", v) }
		t.Row(row.Name, ms(row.MedianMS), ms(row.BestMS), ms(row.WorstMS), fmt.Sprintf("%.2f", row.TimesFirst), fmt.Sprintf("%.1f", row.ImagesPerS), row.PeakMiB,
			fmt.Sprintf("%.0f%%", 100*row.PeakShare))
	}
	if err := t.Flush(); err != nil {
		return err
	}
	if s := report.Scaling; s != nil {
		fmt.Fprintf(out, "from 1 to %d threads: %.2f times as fast, an efficiency of %.0f%%\n", s.Threads, s.SpeedUp, 100*s.Efficiency)
	}
	if e := report.Train; e != nil {
		fmt.Fprintf(out, "train, fed with %s: %.1f images/s end to end, %.1f%% of the step alone (means, not medians), %.1f%% of the time waiting for data\n",
			e.Data, e.ImagesPerS, 100*e.OfStep, 100*e.WaitShare)
	}
	return nil
}
