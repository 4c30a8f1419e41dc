package training_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"syscall"
	"testing"
	"time"

	"pmx/tasks"

	"pmx/runtimes"
	"pmx/step"

	"pmx/artifacts"
	"pmx/builders"
	"pmx/training"
)

// runConfig is a run's configuration.
type runConfig struct {
	LR      float64        `json:"lr"`
	Seed    uint64         `json:"seed"`
	Workers int            `json:"workers"` // may change on resume
	Model   map[string]int `json:"model"`
}

// job is a training in a run directory, small enough to be done many times.
type job struct {
	Dir    string
	Kind   string // "fake", or a runtime's name
	Resume bool
	KillAt uint64 // the batch before which the process kills itself; 0: none
	StopAt uint64 // the batch that arrives just when the user stops the training; 0: none
	Config runConfig
}

// The job's proportions: checkpoints fall inside epochs and at none of their ends.
const (
	jobSteps    = 16
	jobPerEpoch = 5
	jobSaves    = 4
)

func newJob(dir, kind string) job {
	return job{Dir: dir, Kind: kind, Config: runConfig{LR: 1e-2, Seed: 1<<63 + 5, Workers: 2, Model: map[string]int{"dim": 8}}}
}

// run trains; it is called in this process and in children.
func (j job) run() error {
	s, session, err := openJob(j.Kind)
	if err != nil {
		return err
	}
	defer session.Close()
	run, err := j.open()
	if err != nil {
		return err
	}
	defer run.Close()
	hash, err := artifacts.ConfigHash(j.Config, "workers")
	if err != nil {
		return err
	}
	var from training.Resumed
	if j.Resume {
		from, err = training.Resume(run, hash, s, j.Config.Seed, session)
	} else {
		err = session.SetState(s.InitialState(j.Config.Seed))
	}
	if err != nil {
		return err
	}
	feeder := newFeeder(s, jobPerEpoch)
	feeder.seek(from.Position)
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	feeder.onNext = func(batch uint64) error {
		if j.StopAt != 0 && batch == j.StopAt {
			stop()
		}
		if j.KillAt != 0 && batch == j.KillAt {
			syscall.Kill(os.Getpid(), syscall.SIGKILL)
			select {}
		}
		return nil
	}
	checkpoints := run.Checkpoints()
	checkpoints.Keep = 2
	loop := training.Loop{
		Session: session, Feeder: feeder, Schedules: schedules(jobSteps),
		Steps: jobSteps, Images: 4, From: from,
		Hooks: []training.Hook{&training.MetricsHook{Run: run}, &training.CheckpointHook{Checkpoints: checkpoints, EverySteps: jobSaves, ConfigHash: hash, Seed: j.Config.Seed}},
	}
	return loop.Run(ctx)
}

func (j job) open() (*artifacts.RunDir, error) {
	if j.Resume {
		return artifacts.OpenRun(j.Dir)
	}
	return artifacts.CreateRun(j.Dir, artifacts.Manifest{}, j.Config, false)
}

// checkpoint is where the run's checkpoint of a step lies.
func (j job) checkpoint(step int) string {
	return filepath.Join(j.Dir, artifacts.CheckpointsDir, fmt.Sprintf("%06d.safetensors", step))
}

func openJob(kind string) (*step.Step, runtimes.Session, error) {
	if kind == "fake" {
		return fakeStep(), newFakeSession(), nil
	}
	r, err := runtimes.LookupRuntime(kind)
	if err != nil {
		return nil, nil, err
	}
	step, err := tasks.BuildStep(context.Background(), &tasks.Contrastive{
		Method: "patchmix", SiameseConfig: builders.SiameseConfig{ViTConfig: builders.ViTConfig{ImageSize: 8, PatchSize: 4, Dim: 8, Depth: 2, Heads: 2, MLPRatio: 2}, ProjLayers: 2, PredLayers: 2,
			Hidden: 8, OutDim: 4, Batch: 4, MomentumEncoder: true, MixNum: builders.IntSet{2}, DropPath: .3,
		}})
	if err != nil {
		return nil, nil, err
	}
	session, err := r.NewSession(step, runtimes.Options{Threads: 2})
	return step, session, err
}

// jobVariable makes the test binary a process that does the job in it, as JSON.
const jobVariable = "PMX_TEST_JOB"

func TestMain(m *testing.M) {
	text := os.Getenv(jobVariable)
	if text == "" {
		os.Exit(m.Run())
	}
	var j job
	err := json.Unmarshal([]byte(text), &j)
	if err == nil {
		err = j.run()
	}
	fmt.Fprintln(os.Stderr, "the job ended:", err)
	os.Exit(1)
}

// killed does the job in a process that kills itself.
func (j job) killed(t *testing.T) {
	t.Helper()
	text, err := json.Marshal(j)
	if err != nil {
		t.Fatal(err)
	}
	child := exec.Command(os.Args[0])
	child.Env = append(os.Environ(), jobVariable+"="+string(text))
	output, err := child.CombinedOutput()
	status, ok := child.ProcessState.Sys().(syscall.WaitStatus)
	if err == nil || !ok || status.Signal() != syscall.SIGKILL {
		t.Fatalf("the process was not killed: %v\n%s", err, output)
	}
}

// TestResumeAfterKill: a run that is killed (between two checkpoints; with the
// fake session also before the first, and again later) and resumed ends with the same checkpoint, byte for byte,
// and the same metrics as one that is not. On every runtime.
func TestResumeAfterKill(t *testing.T) {
	for _, kind := range append(runtimes.RuntimeNames(), "fake") {
		t.Run(kind, func(t *testing.T) {
			if kind != "fake" {
				openRuntime(t, kind)
			}
			straight := newJob(filepath.Join(t.TempDir(), "straight"), kind)
			if err := straight.run(); err != nil {
				t.Fatal(err)
			}
			j := newJob(filepath.Join(t.TempDir(), "killed"), kind)
			kills := []uint64{2*jobSaves + 3}
			if kind == "fake" { // the others take seconds to compile a step
				kills = []uint64{jobSaves - 1, 2*jobSaves + 3, 3*jobSaves + 1}
			}
			for _, j.KillAt = range kills {
				j.killed(t)
				j.Resume, j.Config.Workers = true, 1
			}
			j.KillAt = 0
			if err := j.run(); err != nil {
				t.Fatal(err)
			}
			if want, got := readAll(t, straight.checkpoint(jobSteps)), readAll(t, j.checkpoint(jobSteps)); !bytes.Equal(want, got) {
				t.Error("the last checkpoints differ")
			}
			wantMetrics, gotMetrics := untimed(t, straight.Dir), untimed(t, j.Dir)
			if len(wantMetrics) != jobSteps+4 { // 3 whole epochs and a part
				t.Errorf("%d lines of metrics, want %d", len(wantMetrics), jobSteps+4)
			}
			for i, w := range wantMetrics {
				if i >= len(gotMetrics) || !reflect.DeepEqual(gotMetrics[i], w) {
					t.Fatalf("metrics line %d differs: %v, want %v", i+1, gotMetrics[min(i, len(gotMetrics)-1)], w)
				}
			}
			if len(gotMetrics) != len(wantMetrics) {
				t.Errorf("%d lines of metrics, want %d", len(gotMetrics), len(wantMetrics))
			}
		})
	}
}

// TestResumeAfterInterruption: the batch that was waited for when the user stopped
// the training has not been trained on, so it comes again.
func TestResumeAfterInterruption(t *testing.T) {
	straight := newJob(filepath.Join(t.TempDir(), "straight"), "fake")
	if err := straight.run(); err != nil {
		t.Fatal(err)
	}
	j := newJob(filepath.Join(t.TempDir(), "stopped"), "fake")
	j.StopAt = 2*jobSaves + 2
	var interrupted *training.InterruptedError
	if err := j.run(); !errors.As(err, &interrupted) || interrupted.Step != int64(j.StopAt) {
		t.Fatalf("error %v, want an interruption after step %d", err, j.StopAt)
	}
	j.Resume, j.StopAt = true, 0
	if err := j.run(); err != nil {
		t.Fatal(err)
	}
	if want, got := readAll(t, straight.checkpoint(jobSteps)), readAll(t, j.checkpoint(jobSteps)); !bytes.Equal(want, got) {
		t.Error("the last checkpoints differ")
	}
	if want, got := untimed(t, straight.Dir), untimed(t, j.Dir); !reflect.DeepEqual(want, got) {
		t.Errorf("metrics %v, want %v", got, want)
	}
}

// TestResumeRefuses: what does not fit is an error that says why, and the session
// keeps its state.
func TestResumeRefuses(t *testing.T) {
	finished := func(t *testing.T) job {
		j := newJob(filepath.Join(t.TempDir(), "run"), "fake")
		if err := j.run(); err != nil {
			t.Fatal(err)
		}
		j.Resume = true
		return j
	}
	newest := func(j job) string { return j.checkpoint(jobSteps) }
	for _, c := range []struct {
		name  string
		spoil func(t *testing.T, j *job)
		want  []string
	}{
		{"another configuration", func(_ *testing.T, j *job) { j.Config.LR = 2e-2 }, []string{"another configuration", "000016.safetensors"}},
		{"truncated", func(t *testing.T, j *job) { truncate(t, newest(*j)) }, []string{"truncated", "000012.safetensors"}},
		{"of another run", func(t *testing.T, j *job) {
			other := newJob(filepath.Join(t.TempDir(), "other"), "fake")
			other.Config.LR = 5
			if err := other.run(); err != nil {
				t.Fatal(err)
			}
			move(t, newest(other), newest(*j))
		}, []string{"another configuration", "000016.safetensors"}},
		{"of another step", func(t *testing.T, j *job) {
			move(t, newest(*j), j.checkpoint(20))
			rewrite(t, j.checkpoint(20), func(c *artifacts.Checkpoint) { c.Step = 20 })
		}, []string{"step 20", "counted 16", "damaged"}},
		{"of another model", func(t *testing.T, j *job) {
			rewrite(t, newest(*j), func(c *artifacts.Checkpoint) { c.Tensors[1].Name = "v" })
		}, []string{`no tensor "w"`, "another model"}},
		{"of another seed", func(t *testing.T, j *job) {
			rewrite(t, newest(*j), func(c *artifacts.Checkpoint) { c.RNG = json.RawMessage(`{"seed":6}`) })
		}, []string{"seed 6", "seed=6"}},
		{"without position", func(t *testing.T, j *job) {
			rewrite(t, newest(*j), func(c *artifacts.Checkpoint) { c.Data = nil })
		}, []string{"does not say where its data"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			j := finished(t)
			c.spoil(t, &j)
			run, err := artifacts.OpenRun(j.Dir)
			if err != nil {
				t.Fatal(err)
			}
			defer run.Close()
			session := newFakeSession()
			hash, err := artifacts.ConfigHash(j.Config, "workers")
			if err != nil {
				t.Fatal(err)
			}
			_, err = training.Resume(run, hash, fakeStep(), j.Config.Seed, session)
			if err == nil || strings.Contains(err.Error(), "\n") {
				t.Fatalf("error %v, want one line", err)
			}
			for _, want := range c.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("error %v, want %q in it", err, want)
				}
			}
			if session.count != 0 {
				t.Error("the session was changed")
			}
		})
	}
}

// TestResumeReadsOnce: the newest checkpoint is read through once.
func TestResumeReadsOnce(t *testing.T) {
	const numbers = 1 << 21
	built := fakeStep()
	built.State[0].Shape = []int{numbers}
	run, err := artifacts.CreateRun(filepath.Join(t.TempDir(), "run"), artifacts.Manifest{}, struct{}{}, false)
	if err != nil {
		t.Fatal(err)
	}
	defer run.Close()
	hook := training.CheckpointHook{ConfigHash: "abc", Arch: json.RawMessage(`{"heads":3}`)}
	c, err := hook.Initial(built, built.InitialState(hook.Seed))
	if err != nil {
		t.Fatal(err)
	}
	if err := run.Checkpoints().Save(c); err != nil {
		t.Fatal(err)
	}
	before := bytesRead(t)
	from, err := training.Resume(run, "abc", built, 0, newFakeSession())
	if err != nil || string(from.Arch) != `{"heads":3}` {
		t.Fatalf("architecture %s, %v", from.Arch, err)
	}
	if read, size := bytesRead(t)-before, int64(4*numbers); read < size || read > size+size/2 {
		t.Errorf("%d bytes were read of a checkpoint of %d", read, size)
	}
}

// bytesRead is how many bytes this process has read from files.
func bytesRead(t *testing.T) (n int64) {
	t.Helper()
	data, err := os.ReadFile("/proc/self/io")
	if err != nil {
		missing(t, err.Error())
	}
	if _, err := fmt.Sscanf(string(data), "rchar: %d", &n); err != nil {
		t.Fatal(err)
	}
	return n
}

// TestResumeWhereItEnded: a finished run has nothing left to do, and does nothing.
func TestResumeWhereItEnded(t *testing.T) {
	j := newJob(filepath.Join(t.TempDir(), "run"), "fake")
	if err := j.run(); err != nil {
		t.Fatal(err)
	}
	before := readAll(t, filepath.Join(j.Dir, artifacts.MetricsName))
	j.Resume = true
	if err := j.run(); err != nil {
		t.Fatal(err)
	}
	if after := readAll(t, filepath.Join(j.Dir, artifacts.MetricsName)); !bytes.Equal(before, after) {
		t.Errorf("metrics changed:\n%s\nwere\n%s", after, before)
	}
}

func readAll(t *testing.T, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// untimed are a run's metrics without the times.
func untimed(t *testing.T, dir string) []artifacts.Metrics {
	t.Helper()
	run, err := artifacts.ViewRun(dir)
	if err != nil {
		t.Fatal(err)
	}
	var list []artifacts.Metrics
	for row, err := range run.Metrics() {
		if err != nil {
			t.Fatal(err)
		}
		m := row.Metrics()
		m.Time = time.Time{}
		maps.DeleteFunc(m.Tags, func(tag string, _ float64) bool {
			return strings.HasPrefix(tag, "speed/") || strings.HasSuffix(tag, "_s") || tag == "epoch/wait_share"
		})
		list = append(list, m)
	}
	return list
}

func truncate(t *testing.T, path string) {
	t.Helper()
	stat, err := os.Stat(path)
	if err == nil {
		err = os.Truncate(path, stat.Size()-1)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func move(t *testing.T, from, to string) {
	t.Helper()
	if err := os.Rename(from, to); err != nil {
		t.Fatal(err)
	}
}

func rewrite(t *testing.T, path string, change func(*artifacts.Checkpoint)) {
	t.Helper()
	c, err := artifacts.ReadCheckpoint(path)
	if err == nil {
		change(c)
		err = artifacts.WriteCheckpoint(path, c)
	}
	if err != nil {
		t.Fatal(err)
	}
}
