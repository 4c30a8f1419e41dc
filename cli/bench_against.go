package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"pmx/runtimes"
	"pmx/runtimes/runtimelib"
	"pmx/tasks"
)

// Rows of bench step --against that are the first in another way.
const (
	kernelsOff = "kernels-off"
	oneThread  = "threads-1"
	endToEnd   = "train" // fed by the loader
)

// againstNames are what --against compares with.
func againstNames() []string {
	names := append([]string{kernelsOff, oneThread, endToEnd}, runtimes.RuntimeNames()...)
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
		&cli.StringFlag{Name: "data", Usage: "the images of the train row, `SPEC`, see `pmx train --help`"},
		&cli.StringFlag{Name: "python", Value: "python3", Usage: "the Python of the pytorch rows, `PATH`"},
		&cli.StringFlag{Name: "peer-script", Value: defaultPeerScript, Usage: "the script of the pytorch rows, `PATH`"},
	}
}

// comparison measures one recipe's step in several ways: in every round each
// once, every other round backwards, so that a machine that slows down or has other
// work slows all of them.
type comparison struct {
	recipe  tasks.Recipe
	options benchOptions
	rounds  int
	images  string // that the row train is fed with
	rows    []*benchRow
	gemms   []*benchRow
	work    int64 // floating-point operations of a step
}

// benchAgainst is bench step with --against.
func benchAgainst(c *cli.Context, r tasks.Recipe, options runtimes.Options) error {
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
	m := &comparison{recipe: tasks.Clone(r), rounds: c.Int("rounds"), options: benchOptions{
		steps: c.Int("steps"), warmup: c.Int("warmup"), runtime: c.String("runtime"), kernels: options.Kernels,
		device: options.Device, library: c.String("ort-lib"), threads: runtimes.Threads(options),
	}}
	if err := m.plan(c, filepath.Join(tmp, "config.json")); err != nil {
		return err
	}
	step, err := tasks.BuildStep(c.Context, r)
	if err != nil {
		return err
	}
	if m.work, err = runtimes.FLOPs(step.Model.Graph); err != nil {
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
	if c.IsSet("data") {
		m.recipe.Common().Data = c.String("data")
	}
	withImages(m.recipe)
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
	first, err := selfRow(name, "step", config, m.options)
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
	named := func(name string) bool {
		return slices.ContainsFunc(m.rows, func(r *benchRow) bool { return r.name == name })
	}
	if c.IsSet("data") && !named(endToEnd) {
		return usageErrorf("--data goes with --against %s", endToEnd)
	}
	return m.planGemms(c, first.program)
}

// planGemms makes the measurements of the machine's peak.
func (m *comparison) planGemms(c *cli.Context, self string) error {
	for _, g := range []struct{ name, kernels string }{{"pmx's kernel", "on"}, {"ONNX Runtime's Gemm", "off"}} {
		row := &benchRow{name: g.name, program: self,
			args: []string{"bench", "gemm", "--json", "--kernels", g.kernels, "--threads", fmt.Sprint(m.options.threads)}}
		if m.options.runtime == "ort" && m.options.library != "" {
			row.args = append(row.args, "--ort-lib", m.options.library)
		}
		m.gemms = append(m.gemms, row)
	}
	if slices.ContainsFunc(m.rows, func(r *benchRow) bool { return strings.HasPrefix(r.name, "pytorch-") }) {
		m.gemms = append(m.gemms, pytorchPeer{c.String("python"), c.String("peer-script")}.gemm(m.options.threads))
	}
	_, err := findLibrary(runtimelib.ORT, c.String("ort-lib")) // of bench gemm
	return err
}

// other makes a row that the first is compared with.
func (m *comparison) other(c *cli.Context, name, config string) (*benchRow, error) {
	o := m.options
	if mode, ok := strings.CutPrefix(name, "pytorch-"); ok && slices.Contains(pytorchModes, mode) {
		peer := pytorchPeer{c.String("python"), c.String("peer-script")}
		r, err := contrastive(m.recipe, "a PyTorch row")
		if err != nil {
			return nil, err
		}
		if err := peer.comparable(r, o.device); err != nil {
			return nil, err
		}
		return peer.row(mode, r.SiameseConfig, o), peer.check(c.Context)
	}
	switch {
	case name == kernelsOff && o.kernels == "off":
		return nil, usageErrorf("--against %s: the first row, %s, runs without our kernels already", name, m.rows[0].name)
	case name == kernelsOff:
		o.kernels = "off"
		return selfRow(name, "step", config, o)
	case name == oneThread && (o.threads == 1 || o.runtime == "reference"):
		return nil, usageErrorf("--against %s: the first row, %s, computes with one thread already", name, m.rows[0].name)
	case name == oneThread:
		o.threads = 1
		return selfRow(name, "step", config, o)
	case name == endToEnd:
		if err := m.openImages(c.Context); err != nil {
			return nil, err
		}
		return selfRow(name, "train", config, o)
	case !slices.Contains(runtimes.RuntimeNames(), name):
		return nil, usageErrorf("--against %q is unknown%s: want some of %s", name, didYouMean(name, againstNames()), strings.Join(againstNames(), ", "))
	}
	if o.runtime != name { // its own library and kernels, not those of the first row
		o.runtime, o.library, o.kernels = name, "", "off"
		if r, err := runtimes.LookupRuntime(name); err == nil && runtimes.TakesKernels(r, o.device) {
			o.kernels = c.String("kernels")
		}
	}
	if kind, ok := libraryOf(name, o.device); ok {
		if _, err := findLibrary(kind, o.library); err != nil {
			return nil, err
		}
	}
	return selfRow(name, "step", config, o)
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

// withImages gives a recipe that names no images the built-in ones.
func withImages(r tasks.Recipe) {
	if b := r.Common(); b.Data == "" {
		b.Data = "sample"
	}
}

// openImages finds out whether the row train can be fed.
func (m *comparison) openImages(ctx context.Context) error {
	d, err := m.recipe.Open(ctx, tasks.OpenOptions{Remedy: "--set batch=N"})
	if err != nil {
		return recipeExit(err)
	}
	m.images = d.Name()
	return nil
}
