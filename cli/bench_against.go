package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"pmx/artifacts/runtimelib"
	"pmx/builders"
	"pmx/training"
)

// kernelsOff is the row of bench step --against that is the first without our kernels.
const kernelsOff = "kernels-off"

// againstNames are what --against compares with.
func againstNames() []string {
	names := append([]string{kernelsOff}, training.RuntimeNames()...)
	for _, mode := range pytorchModes {
		names = append(names, "pytorch-"+mode)
	}
	return names
}

// againstFlags are bench step's flags for a comparison.
func againstFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "against", Usage: "compare with `LIST`, with commas between: " + strings.Join(againstNames(), ", ")},
		&cli.IntFlag{Name: "rounds", Value: 3, Usage: "times that --against measures each, in turn"},
		&cli.StringFlag{Name: "python", Value: "python3", Usage: "the Python of the pytorch rows, `PATH`"},
		&cli.StringFlag{Name: "peer-script", Value: defaultPeerScript, Usage: "the script of the pytorch rows, `PATH`"},
	}
}

// comparison measures one recipe's step in several ways: in every round each
// once, every other round backwards, so that a machine that slows down or has other
// work slows all of them.
type comparison struct {
	recipe  Recipe
	options benchOptions
	rounds  int
	rows    []*benchRow
	gemms   []*benchRow
	work    int64 // floating-point operations of a step
}

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
	Peak    float64            `json:"sgemm_gflop_per_s"` // the machine's
	Rows    []comparisonResult `json:"rows"`
}

// comparisonResult is one row of the result.
type comparisonResult struct {
	Name string `json:"name"`
	measurement
	TimesFirst float64   `json:"times_first"` // its time in units of the first row's
	PeakShare  float64   `json:"sgemm_share"` // of a step's operations per second in the machine's peak
	RoundMS    []float64 `json:"round_ms"`
}

// benchAgainst is bench step with --against.
func benchAgainst(c *cli.Context, r Recipe, options training.Options) error {
	if c.Int("rounds") < 1 {
		return usageErrorf("--rounds %d: want at least 1", c.Int("rounds"))
	}
	if c.IsSet("profile") {
		return usageErrorf("--profile slows steps down: measure without it, or leave --against out")
	}
	if options.Device != "cpu" {
		return usageErrorf("--against compares on the CPU: leave out --device %s", options.Device)
	}
	tmp, err := os.MkdirTemp("", "pmx-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(tmp)
	m := &comparison{recipe: r, rounds: c.Int("rounds"), options: benchOptions{
		steps: c.Int("steps"), warmup: c.Int("warmup"), runtime: c.String("runtime"), kernels: options.Kernels,
		device: options.Device, library: c.String("ort-lib"), threads: options.Threads,
	}}
	if m.options.threads == 0 {
		m.options.threads = runtime.NumCPU()
	}
	if err := m.plan(c, filepath.Join(tmp, "config.json")); err != nil {
		return err
	}
	step, err := builders.Build(r.Config)
	if err != nil {
		return err
	}
	if m.work, err = training.FLOPs(step.Model.Graph); err != nil {
		return err
	}
	if err := m.run(c.Context, c.App.ErrWriter); err != nil {
		return err
	}
	report := m.report()
	if err := report.print(c.App.Writer, r); err != nil {
		return err
	}
	if !c.Bool("json") {
		return nil
	}
	return printJSON(c.App.Writer, report)
}

// plan makes the rows, whose recipe is in a file at config, and finds out whether
// they can run.
func (m *comparison) plan(c *cli.Context, config string) error {
	data, err := json.Marshal(m.recipe)
	if err != nil {
		return err
	}
	if err := os.WriteFile(config, data, 0o666); err != nil {
		return err
	}
	name := m.options.runtime
	if kernels := c.String("kernels"); kernels != "on" {
		name += ", kernels " + kernels
	}
	first, err := selfRow(name, config, m.options)
	if err != nil {
		return err
	}
	m.rows = []*benchRow{first}
	for other := range strings.SplitSeq(c.String("against"), ",") {
		row, err := m.other(c, strings.TrimSpace(other), config)
		if err != nil {
			return err
		}
		if slices.ContainsFunc(m.rows, func(r *benchRow) bool { return r.name == row.name }) {
			return usageErrorf("--against has %s twice, or it is the first row already", other)
		}
		m.rows = append(m.rows, row)
	}
	for _, kernels := range []string{"on", "off"} {
		row := &benchRow{name: "bench gemm, kernels " + kernels, program: first.program,
			args: []string{"bench", "gemm", "--json", "--kernels", kernels, "--threads", fmt.Sprint(m.options.threads)}}
		if m.options.runtime == "ort" && m.options.library != "" {
			row.args = append(row.args, "--ort-lib", m.options.library)
		}
		m.gemms = append(m.gemms, row)
	}
	_, err = findLibrary(runtimelib.ORT, c.String("ort-lib")) // of bench gemm
	return err
}

// other makes a row that the first is compared with.
func (m *comparison) other(c *cli.Context, name, config string) (*benchRow, error) {
	o := m.options
	if mode, ok := strings.CutPrefix(name, "pytorch-"); ok && slices.Contains(pytorchModes, mode) {
		peer := pytorchPeer{c.String("python"), c.String("peer-script")}
		if err := peer.comparable(m.recipe.Config, o.device); err != nil {
			return nil, err
		}
		return peer.row(mode, m.recipe.Config, o), peer.check(c.Context)
	}
	switch {
	case name == kernelsOff && o.kernels == "off":
		return nil, usageErrorf("--against %s: the first row, %s, runs without our kernels already", name, m.rows[0].name)
	case name == kernelsOff:
		o.kernels = "off"
		return selfRow(name, config, o)
	case !slices.Contains(training.RuntimeNames(), name):
		return nil, usageErrorf("--against %q is unknown%s: want some of %s", name, didYouMean(name, againstNames()), strings.Join(againstNames(), ", "))
	}
	if o.runtime != name { // its own library and kernels, not those of the first row
		o.runtime, o.library, o.kernels = name, "", "off"
		if r, err := training.LookupRuntime(name); err == nil && training.TakesKernels(r, o.device) {
			o.kernels = c.String("kernels")
		}
	}
	if kind, ok := libraryOf(name, o.device); ok {
		if _, err := findLibrary(kind, o.library); err != nil {
			return nil, err
		}
	}
	return selfRow(name, config, o)
}

// run measures, and says on out what it has measured.
func (m *comparison) run(ctx context.Context, out io.Writer) error {
	for round := range m.rounds {
		for i := range m.rows {
			row := m.rows[i]
			if round%2 == 1 {
				row = m.rows[len(m.rows)-1-i]
			}
			if err := row.measure(ctx); err != nil {
				return err
			}
			fmt.Fprintf(out, "round %d of %d: %s %.1f ms\n", round+1, m.rounds, row.name, row.rounds[round].MedianMS)
		}
		for _, gemm := range m.gemms {
			if err := gemm.measureGemm(ctx); err != nil {
				return err
			}
		}
	}
	return nil
}

// report sums the rounds up.
func (m *comparison) report() comparisonReport {
	report := comparisonReport{
		Preset: m.recipe.Preset, Batch: m.recipe.Batch, Threads: m.options.threads, Steps: m.options.steps, Warmup: m.options.warmup,
		Rounds: m.rounds, GFLOP: float64(m.work) / 1e9,
	}
	for _, row := range m.gemms {
		report.Peak = max(report.Peak, slices.Max(row.gflops))
	}
	report.measurement = m.rows[0].result(m.recipe.Batch)
	for _, row := range m.rows {
		r := comparisonResult{Name: row.name, measurement: row.result(m.recipe.Batch)}
		r.TimesFirst = r.MedianMS / report.MedianMS
		r.PeakShare = report.GFLOP / (r.MedianMS / 1e3) / report.Peak
		for _, round := range row.rounds {
			r.RoundMS = append(r.RoundMS, round.MedianMS)
		}
		report.Rows = append(report.Rows, r)
	}
	return report
}

// print shows the table, below what it compares.
func (report comparisonReport) print(out io.Writer, r Recipe) error {
	keys := "keys by the encoder itself"
	if r.MomentumEncoder {
		keys = "keys by a momentum encoder"
	}
	fmt.Fprintf(out, "a %s step of %d images of %d pixels in patches of %d: forward, backward, AdamW; ViT %d wide, %d deep, %d heads; %s; drop_path %g, %d local crops\n",
		r.Method, r.Batch, r.ImageSize, r.PatchSize, r.Dim, r.Depth, r.Heads, keys, r.DropPath, r.LocalCrops)
	fmt.Fprintf(out, "%.4g GFLOP in matrix products, as pmx builds it; sgemm on this machine %.4g GFLOP/s; %d threads; medians of %d rounds of %d steps\n\n",
		report.GFLOP, report.Peak, report.Threads, report.Rounds, report.Steps)
	t := newTable(out)
	t.row("", "ms a step", "x first", "images/s", "peak MiB", "of sgemm")
	for _, row := range report.Rows {
		t.row(row.Name, fmt.Sprintf("%.1f", row.MedianMS), fmt.Sprintf("%.2f", row.TimesFirst), fmt.Sprintf("%.1f", row.ImagesPerS), row.PeakMiB,
			fmt.Sprintf("%.0f%%", 100*row.PeakShare))
	}
	return t.Flush()
}
