package artifacts

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"pmx/artifacts/safetensors"
	"pmx/internal/atomicfile"
	"pmx/onnxgraph"
)

// writerDir makes the test binary a process that writes a run there until it
// is killed, and overwriterDir one that overwrites the run there again and again.
const (
	writerDir     = "PMX_TEST_WRITER_DIR"
	overwriterDir = "PMX_TEST_OVERWRITER_DIR"
)

func TestMain(m *testing.M) {
	for name, work := range map[string]func(dir string) error{writerDir: writeForever, overwriterDir: overwriteForever} {
		if dir := os.Getenv(name); dir != "" {
			fmt.Fprintln(os.Stderr, work(dir))
			os.Exit(1)
		}
	}
	os.Exit(m.Run())
}

// TestKill kills a writing process at random moments. After each kill the run
// must open, hold a checkpoint that loads and is the one of its step, and
// metrics that continue from there; the next process resumes from it.
func TestKill(t *testing.T) {
	const rounds = 25
	seed := uint64(time.Now().UnixNano())
	random := rand.New(rand.NewPCG(seed, 0))
	dir := filepath.Join(t.TempDir(), "run")
	run := create(t, dir)
	if err := run.Checkpoints().Save(killCheckpoint(0)); err != nil {
		t.Fatal(err)
	}
	run.Close()
	var last int64
	for round := range rounds {
		child := exec.Command(os.Args[0])
		child.Env = append(os.Environ(), writerDir+"="+dir)
		if err := startAndKill(child, round%4 != 0, time.Duration(random.IntN(40))*time.Millisecond); err != nil {
			t.Fatalf("seed %d, round %d: %v", seed, round, err)
		}
		step, err := resume(dir)
		if err != nil {
			t.Fatalf("seed %d, round %d: %v", seed, round, err)
		}
		if step < last {
			t.Fatalf("seed %d, round %d: step %d after step %d", seed, round, step, last)
		}
		last = step
	}
	if last == 0 {
		t.Errorf("seed %d: no round got as far as a checkpoint", seed)
	}
	// What kills kept from being deleted goes with the next checkpoint.
	checkpoints := open(t, dir).Checkpoints()
	checkpoints.Keep = 2
	if err := checkpoints.Save(killCheckpoint(last + 1)); err != nil {
		t.Fatal(err)
	}
	if steps, err := checkpoints.List(); err != nil || len(steps) != 2 {
		t.Errorf("seed %d: checkpoints %v, error %v", seed, steps, err)
	}
	t.Logf("seed %d: %d checkpoints over %d kills", seed, last, rounds)
}

// TestKillOverwrite kills a process that overwrites a run at random moments. After each
// kill the folder opens, and all that it holds is of one run.
func TestKillOverwrite(t *testing.T) {
	const rounds = 40
	seed := uint64(time.Now().UnixNano())
	random := rand.New(rand.NewPCG(seed, 0))
	dir := filepath.Join(t.TempDir(), "run")
	create(t, dir).Close()
	interrupted := 0
	var last uint64
	for round := range rounds {
		child := exec.Command(os.Args[0])
		child.Env = append(os.Environ(), overwriterDir+"="+dir)
		if err := startAndKill(child, true, time.Duration(random.IntN(20_000))*time.Microsecond); err != nil {
			t.Fatalf("seed %d, round %d: %v", seed, round, err)
		}
		if _, err := ViewRun(dir); errors.Is(err, ErrStarting) {
			interrupted++
		} else if err != nil {
			t.Fatalf("seed %d, round %d: %v", seed, round, err)
		}
		run, err := OpenRun(dir)
		if err != nil {
			t.Fatalf("seed %d, round %d: %v", seed, round, err)
		}
		m, err := run.ReadManifest()
		if err != nil {
			t.Fatal(err)
		}
		var config testConfig
		if err := run.ReadConfig(&config); err != nil || config.Seed != m.Seed || m.Seed < last {
			t.Errorf("seed %d, round %d: run %d, then manifest of run %d, configuration of run %d, %v", seed, round, last, m.Seed, config.Seed, err)
		}
		if steps, err := run.Checkpoints().List(); err != nil || len(steps) > 1 || len(steps) == 1 && steps[0] != int64(m.Seed) {
			t.Errorf("seed %d, round %d: checkpoints of runs %v in run %d, %v", seed, round, steps, m.Seed, err)
		}
		last = m.Seed
		run.Close()
	}
	if last == 0 {
		t.Errorf("seed %d: no round got as far as a run", seed)
	}
	t.Logf("seed %d: %d runs over %d kills, %d of them within a start", seed, last, rounds, interrupted)
}

// overwriteForever starts one run after the other in a folder. Each has its number as
// seed and as the step of its checkpoint.
func overwriteForever(dir string) error {
	old, err := ViewRun(dir)
	if err != nil {
		return err
	}
	m, err := old.ReadManifest()
	if err != nil {
		return err
	}
	fmt.Println("writing")
	for {
		m.Seed++
		run, err := CreateRun(dir, m, testConfig{Seed: m.Seed}, true)
		if err != nil {
			return err
		}
		if err := WriteCheckpoint(run.Checkpoints().Path(int64(m.Seed)), &Checkpoint{CheckpointHeader: CheckpointHeader{Step: int64(m.Seed)}}); err != nil {
			return err
		}
		if err := run.Close(); err != nil {
			return err
		}
	}
}

// startAndKill kills the writer some time after it has begun to write, or,
// with wait unset, after it has been started, while it may still be opening the run.
func startAndKill(child *exec.Cmd, wait bool, after time.Duration) error {
	var failure bytes.Buffer
	child.Stderr = &failure
	stdout, err := child.StdoutPipe()
	if err != nil {
		return err
	}
	if err := child.Start(); err != nil {
		return err
	}
	if wait {
		stdout.Read(make([]byte, 1)) // returns at the writer's end too
	}
	time.Sleep(after)
	child.Process.Kill()
	child.Wait()
	if status := child.ProcessState.Sys().(syscall.WaitStatus); !status.Signaled() {
		return fmt.Errorf("the writer stopped by itself: %s", failure.String())
	}
	return nil
}

// resume opens the run as a training would, verifies all of it, and returns
// the step to continue from.
func resume(dir string) (int64, error) {
	run, err := OpenRun(dir)
	if err != nil {
		return 0, err
	}
	defer run.Close()
	step, err := run.Checkpoints().Latest()
	if err != nil {
		return 0, err
	}
	c, err := ReadCheckpoint(run.Checkpoints().Path(step))
	if err != nil {
		return 0, err
	}
	for i, v := range onnxgraph.Data[float32](c.Tensors[0].Tensor) {
		if v != float32(step) {
			return 0, fmt.Errorf("checkpoint of step %d holds %v at %d", step, v, i)
		}
	}
	log, err := run.OpenMetrics(step)
	if err != nil {
		return 0, err
	}
	defer log.Close()
	rows := int64(0)
	for _, err := range run.Metrics() {
		if err != nil {
			return 0, err
		}
		rows++
	}
	if rows != step {
		return 0, fmt.Errorf("%d rows of metrics at step %d", rows, step)
	}
	entries, err := os.ReadDir(run.Path(CheckpointsDir))
	if err != nil {
		return 0, err
	}
	for _, e := range entries {
		if atomicfile.IsTemp(e.Name()) {
			return 0, fmt.Errorf("%s is still there", e.Name())
		}
	}
	return step, nil
}

// writeForever resumes the run and writes a metrics line and a checkpoint a step.
func writeForever(dir string) error {
	run, err := OpenRun(dir)
	if err != nil {
		return err
	}
	checkpoints := run.Checkpoints()
	checkpoints.Keep = 2
	step, err := checkpoints.Latest()
	if err != nil {
		return err
	}
	log, err := run.OpenMetrics(step)
	if err != nil {
		return err
	}
	fmt.Println("writing")
	for {
		step++
		if err := log.Append(Metrics{Kind: MetricsStep, Step: step, Tags: map[string]float64{"train/loss": 1 / float64(step)}}); err != nil {
			return err
		}
		if err := checkpoints.Save(killCheckpoint(step)); err != nil {
			return err
		}
	}
}

// killCheckpoint is large enough (1 MiB) for a kill to hit its middle.
func killCheckpoint(step int64) *Checkpoint {
	values := make([]float32, 1<<18)
	for i := range values {
		values[i] = float32(step)
	}
	return &Checkpoint{
		CheckpointHeader: CheckpointHeader{Step: step},
		Tensors:          []safetensors.Named{{Name: "w", Tensor: onnxgraph.NewTensor([]int{len(values)}, values)}},
	}
}
