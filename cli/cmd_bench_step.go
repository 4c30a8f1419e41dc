package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"pmx/internal/cancel"
	"pmx/internal/memory"
	"pmx/runtimes"
	"pmx/step"
	"pmx/tasks"

	"github.com/urfave/cli/v2"

	"pmx/onnxgraph"
)

var _ = register("bench step", func() *cli.Command {
	return &cli.Command{
		Usage: "time training steps on random images",
		Description: `pmx bench step --preset cifar-tiny --set patch_size=4 --set batch=64 --set drop_path=0
pmx bench step --preset imagenet-small --set batch=8 --set local_crops=0 --steps 5 --json

pmx bench step --preset cifar-tiny --set patch_size=4 --set batch=64 --set drop_path=0 \
  --against kernels-off,threads-1,train,pytorch-eager,pytorch-compile --python venv/bin/python

Times whole steps: forward, backward, optimizer. With --json the last line is one
object; peak_mib is the largest resident memory of the process so far.

--profile prints where the time goes, by part of the step and by operator.

--against measures the same step in other ways, in rounds, each in a process of its
own, and prints a table: the median of the rounds, the best and the worst, and the
time in units of the first row's. "of sgemm" is the share that a step's matrix
products make of the machine's peak: the fastest of all products of two matrices of
1024 x 1024 that were timed between the rounds, by pmx's kernel, by ONNX Runtime
(bench gemm) and, beside pytorch rows, by torch.mm, with the first row's threads.

kernels-off and threads-1 are the first row without kernels, and with one thread,
which also gives the speed-up by all threads. train is the first row fed by the
loader as in a training (bench train), on the recipe's images, --data or else the
built-in ones: what is lost to making the views. The pytorch rows run a script that
times the recipe's step in PyTorch, on recipes without local crops and drop path;
bf16 rows may exceed what sgemm does in float32.`,
		Flags: append(append(append(recipeFlags(), runtimeFlags()...), againstFlags()...),
			&cli.IntFlag{Name: "steps", Value: 10, Usage: "steps to time"},
			&cli.IntFlag{Name: "warmup", Value: 3, Usage: "steps before that"},
			&cli.BoolFlag{Name: "json", Usage: "end with a line of JSON"},
			&cli.StringFlag{Name: "profile", Usage: "write the runtime's trace to `PREFIX`..., and print where the time goes; slows it down"},
		),
		Action: benchStep,
	}
})

// stepTiming is the result of bench step; times are of one step.
type stepTiming struct {
	MedianMS   float64 `json:"median_ms"`
	MeanMS     float64 `json:"mean_ms"`
	BestMS     float64 `json:"best_ms"`
	WorstMS    float64 `json:"worst_ms"`
	ImagesPerS float64 `json:"images_per_s"` // at the median
	PeakMiB    int64   `json:"peak_mib"`
	CompileS   float64 `json:"compile_s"` // graph, session and initial state
	Steps      int     `json:"steps"`
	Warmup     int     `json:"warmup"`
	Batch      int     `json:"batch"`
	Preset     string  `json:"preset"`
	Runtime    string  `json:"runtime"`
	Version    string  `json:"runtime_version"`
	Device     string  `json:"device"`
	Threads    int     `json:"threads"`
	FinalLoss  float64 `json:"final_loss"`
	StateMiB   float64 `json:"state_mib"` // parameters, moments, momentum encoder; one copy
}

func benchStep(c *cli.Context) error {
	steps, warmup := c.Int("steps"), c.Int("warmup")
	if steps < 1 || warmup < 0 {
		return usageErrorf("--steps %d --warmup %d: want at least 1 and 0", steps, warmup)
	}
	r, err := validRecipe(c)
	if err != nil {
		return err
	}
	backend, options, err := runtimeOf(c)
	if err != nil {
		return err
	}
	if err := tasks.NeedTraining(r, options.Device); err != nil {
		return err
	}
	if c.IsSet("against") {
		return benchAgainst(c, r, options)
	}
	for _, name := range []string{"rounds", "python", "peer-script", "data"} {
		if c.IsSet(name) {
			return usageErrorf("--%s goes with --against", name)
		}
	}
	if options.ProfilePrefix = c.String("profile"); options.ProfilePrefix != "" {
		if err := checkTrace(options.ProfilePrefix); err != nil {
			return err
		}
	}
	result := stepTiming{Steps: steps, Warmup: warmup}
	if err := cancel.UnlessDo(c.Context, func() error { return result.time(c.Context, backend, options, r) }); err != nil {
		if trace, noTrace := runtimes.FindTrace(options.ProfilePrefix); options.ProfilePrefix != "" && noTrace == nil {
			os.Remove(trace) // a part of one
		}
		return err
	}
	fmt.Fprintf(c.App.Writer, "%s on %s %s, %s, %d threads: %.1f ms a step (best %.1f, worst %.1f of %d), %.1f images/s, %d MiB at most\n",
		r.TaskName(), result.Runtime, result.Version, result.Device, result.Threads, result.MedianMS, result.BestMS, result.WorstMS, steps, result.ImagesPerS, result.PeakMiB)
	if options.ProfilePrefix != "" {
		if err := printTrace(c.App.Writer, options.ProfilePrefix, warmup); err != nil {
			return err
		}
	}
	if !c.Bool("json") {
		return nil
	}
	return printJSON(c.App.Writer, result)
}

// checkTrace finds out whether a trace can be written, which a runtime does last and
// without a word.
func checkTrace(prefix string) error {
	if _, err := runtimes.FindTrace(prefix); !errors.Is(err, runtimes.ErrNoTrace) {
		return usageErrorf("--profile %s: there is a trace of that name already: delete it, or give another", prefix)
	}
	f, err := os.CreateTemp(filepath.Dir(prefix), ".pmx-profile-")
	if err != nil {
		return fmt.Errorf("--profile %s: the trace cannot be written into %s: %w: name a folder that exists and that you may write to",
			prefix, filepath.Dir(prefix), errors.Unwrap(err))
	}
	return errors.Join(f.Close(), os.Remove(f.Name()))
}

// printTrace says where a trace is, and where the time of the steps after the warm-up
// went.
func printTrace(out io.Writer, prefix string, warmup int) error {
	trace, err := runtimes.FindTrace(prefix)
	if err != nil {
		return err
	}
	profile, err := readProfile(trace, warmup)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "the trace is %s\n\n", trace)
	return profile.Print(out)
}

// readProfile sums up the trace in a file, without its first skip steps.
func readProfile(path string, skip int) (*runtimes.Profile, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	p, err := runtimes.ReadProfile(file, skip)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return p, nil
}

// time builds the recipe's step and times it.
func (t *stepTiming) time(ctx context.Context, backend runtimes.Runtime, options runtimes.Options, r tasks.Recipe) error {
	s, session, err := t.open(backend, options, r)
	if err != nil {
		return err
	}
	return errors.Join(t.measure(ctx, session, s, r), session.Close()) // closing writes the trace
}

// open compiles the recipe's step, gives it its initial state, and notes what was
// opened. The caller closes the session.
func (t *stepTiming) open(backend runtimes.Runtime, options runtimes.Options, r tasks.Recipe) (s *step.Step, session runtimes.Session, err error) {
	begin := time.Now()
	if s, err = tasks.BuildStep(context.Background(), r); err != nil {
		return nil, nil, err
	}
	if session, err = backend.NewSession(s, options); err != nil {
		return nil, nil, err
	}
	defer func() {
		if err != nil {
			session.Close()
		}
	}()
	state := s.InitialState(r.Common().Seed)
	if err = session.SetState(state); err != nil {
		return nil, nil, err
	}
	t.CompileS = time.Since(begin).Seconds()
	t.Batch, t.Preset, t.Runtime, t.Device, t.Threads = r.BatchSize(), r.Common().Preset, backend.Name(), options.Device, runtimes.Threads(options)
	for _, x := range state {
		t.StateMiB += float64(len(x.Bytes())) / (1 << 20)
	}
	runtime.GC()
	t.Version, err = backend.Version(options)
	return s, session, err
}

func (t *stepTiming) measure(ctx context.Context, session runtimes.Session, s *step.Step, r tasks.Recipe) error {
	feeds, err := standIns(s, r.Common().Seed)
	if err != nil {
		return err
	}
	hyper := r.Schedules(100).At(0)
	hyper[step.HyperLR] = 1e-6 // stand-ins teach nothing; the numbers stay finite
	var times []float64
	for i := range t.Warmup + t.Steps {
		begin := time.Now()
		metrics, err := session.Step(ctx, feeds, hyper)
		if err != nil {
			return err
		}
		if i >= t.Warmup {
			times = append(times, time.Since(begin).Seconds()*1e3)
		}
		if t.FinalLoss = metrics["loss"]; math.IsNaN(t.FinalLoss) || math.IsInf(t.FinalLoss, 0) {
			return withCode(ExitDiverged, fmt.Errorf("the loss of step %d is %v", i+1, t.FinalLoss))
		}
	}
	t.sum(times)
	return nil
}

// sum takes in the milliseconds that each step took.
func (t *stepTiming) sum(times []float64) {
	for _, ms := range times {
		t.MeanMS += ms / float64(len(times))
	}
	t.MedianMS = median(times)
	t.BestMS, t.WorstMS = times[0], times[len(times)-1]
	t.ImagesPerS = float64(t.Batch) / t.MedianMS * 1e3
	t.PeakMiB = memory.Peak() >> 20
}

// standIns are values for a step's batch, each as its port's fill says.
func standIns(s *step.Step, seed uint64) (map[string]*onnxgraph.Tensor, error) {
	rng := rand.New(rand.NewPCG(seed, 0))
	feeds := map[string]*onnxgraph.Tensor{}
	for _, p := range s.Batch {
		x, err := p.Feed(rng)
		if err != nil {
			return nil, err
		}
		feeds[p.Name] = x
	}
	return feeds, nil
}
