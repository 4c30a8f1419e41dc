package cli

import (
	"context"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"pmx/artifacts"
	"pmx/artifacts/safetensors"
	"pmx/builders"
	"pmx/onnxgraph"
)

// TestStopExport while a large encoder is verified, in passes of a second: it ends
// with the signal's code and leaves nothing.
func TestStopExport(t *testing.T) {
	checkpoint, dir := largeCheckpoint(t), t.TempDir()
	ctx, cancel := context.WithCancelCause(t.Context())
	defer cancel(nil)
	var stderr strings.Builder
	out := filepath.Join(dir, "encoder.onnx")
	code := make(chan int, 1)
	go func() {
		code <- Main(ctx, []string{"export", checkpoint, "--runtime", "reference", "--out", out}, io.Discard, &stderr)
	}()
	waitFor(t, filepath.Join(dir, ".stage*", "encoder.safetensors"))
	cancel(&signalError{syscall.SIGTERM})
	wantExit(t, code, ExitTerminated)
	if want := "pmx: " + out + " was not written (an older one is untouched): stopped by signal: terminated\n"; stderr.String() != want {
		t.Errorf("standard error %q, want %q", stderr.String(), want)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("it left %v, %v", left, err)
	}
}

// TestExportKeepsItsCheckpoint: a wrong command line, and nothing is computed, which
// would take seconds.
func TestExportKeepsItsCheckpoint(t *testing.T) {
	checkpoint := largeCheckpoint(t)
	before, err := os.ReadFile(checkpoint)
	if err != nil {
		t.Fatal(err)
	}
	for _, out := range []string{checkpoint, strings.TrimSuffix(checkpoint, ".safetensors") + ".onnx"} {
		var stderr strings.Builder
		code := Main(t.Context(), []string{"export", checkpoint, "--runtime", "reference", "--out", out}, io.Discard, &stderr)
		want := "pmx: " + checkpoint + " is the checkpoint of a run and is not replaced: choose another name (--out)\n"
		if code != ExitUsage || stderr.String() != want {
			t.Errorf("--out %s: exit code %d, standard error %q; want %d, %q", filepath.Base(out), code, stderr.String(), ExitUsage, want)
		}
	}
	if after, err := os.ReadFile(checkpoint); err != nil || string(after) != string(before) {
		t.Errorf("the checkpoint was changed, %v", err)
	}
}

// TestBuildGraphKeepsCheckpoints: a state to start from does not replace one that was
// trained, only another such.
func TestBuildGraphKeepsCheckpoints(t *testing.T) {
	trained, fresh := largeCheckpoint(t), filepath.Join(t.TempDir(), "initial.safetensors")
	before, err := os.ReadFile(trained)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		flags []string
		code  int
	}{
		{[]string{"--out", filepath.Join(t.TempDir(), "step.onnx"), "--state", trained}, ExitUsage},
		{[]string{"--out", trained}, ExitUsage},
		{[]string{"--out", filepath.Join(t.TempDir(), "step.onnx"), "--state", fresh}, ExitOK},
		{[]string{"--out", filepath.Join(t.TempDir(), "step.onnx"), "--state", fresh}, ExitOK},
	} {
		var stderr strings.Builder
		args := append(strings.Fields("build-graph --preset quickstart --set depth=1 --set dim=12 --set heads=3 --set hidden=8 --set batch=4"), c.flags...)
		code := Main(t.Context(), args, io.Discard, &stderr)
		if told := strings.HasSuffix(stderr.String(), trained+" is the checkpoint of a run, after step 1, and is not replaced: name another file\n"); code != c.code || told != (code != ExitOK) {
			t.Errorf("%v: exit code %d, standard error %q; want %d", c.flags, code, stderr.String(), c.code)
		}
	}
	if after, err := os.ReadFile(trained); err != nil || string(after) != string(before) {
		t.Errorf("the checkpoint was changed, %v", err)
	}
}

// largeCheckpoint holds a base encoder of 12 blocks of width 192, all zeros.
func largeCheckpoint(t *testing.T) string {
	t.Helper()
	config := builders.ViTConfig{ImageSize: 224, PatchSize: 16, Dim: 192, Depth: 12, Heads: 3, MLPRatio: 4}
	architecture, err := json.Marshal(builders.Architecture(config))
	if err != nil {
		t.Fatal(err)
	}
	c := &artifacts.Checkpoint{CheckpointHeader: artifacts.CheckpointHeader{Step: 1, Arch: architecture}}
	_, err = onnxgraph.Build("encoder", func(g *onnxgraph.Graph) {
		params := builders.NewParams(func(p *builders.Param) *onnxgraph.Value {
			zeros := onnxgraph.Zeros(onnxgraph.Float32, p.Shape)
			c.Tensors = append(c.Tensors, safetensors.Named{Name: p.Name, Tensor: zeros})
			return g.NamedConst(p.Name, zeros)
		})
		x := g.Input("x", onnxgraph.Float32, 1, 3, 224, 224)
		g.Output("y", builders.NewViT(params.Root(builders.BaseEncoder), config).Forward(x, builders.DropPath{}))
	})
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "000001.safetensors")
	if err := artifacts.WriteCheckpoint(path, c); err != nil {
		t.Fatal(err)
	}
	return path
}

// waitFor waits until there is a file of a pattern.
func waitFor(t *testing.T, pattern string) {
	t.Helper()
	for range 4000 {
		if found, err := filepath.Glob(pattern); err != nil || len(found) > 0 {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
	t.Fatalf("%s did not appear", pattern)
}

// TestStopBeforeExport: a signal after the last step of a training finds it saved, and
// its encoder is not exported.
func TestStopBeforeExport(t *testing.T) {
	dir := t.TempDir()
	if err := drawAll(dir); err != nil {
		t.Fatal(err)
	}
	run := filepath.Join(dir, "run")
	ctx, cancel := context.WithCancelCause(t.Context())
	defer cancel(nil)
	stderr := &signalAfter{text: "epoch 1/1", signal: func() { cancel(&signalError{os.Interrupt}) }}
	code := Main(ctx, strings.Fields("train --preset quickstart --set image_size=8 --set patch_size=4 --set dim=12 --set heads=3 --set hidden=8 --set out_dim=4 --set batch=3"+
		" --set epochs=1 --set warmup_epochs=0 --runtime reference --data folder:"+filepath.Join(dir, "pictures")+" --out "+run), io.Discard, stderr)
	want := "pmx: stopped by signal: interrupt; the training is done and saved: export its model by pmx export " + run + "\n"
	if code != ExitInterrupted || !strings.HasSuffix(stderr.String(), want) {
		t.Errorf("exit code %d, standard error %q; want %d, %q", code, stderr.String(), ExitInterrupted, want)
	}
	if step, err := (artifacts.Checkpoints{Dir: filepath.Join(run, "checkpoints")}).Latest(); step != 1 || err != nil {
		t.Errorf("the newest checkpoint is of step %d, %v; want 1", step, err)
	}
	if _, err := os.Stat(filepath.Join(run, artifacts.EncoderName)); err == nil {
		t.Error("an encoder was exported")
	}
}

// signalAfter calls signal once text has been written.
type signalAfter struct {
	strings.Builder
	text   string
	signal func()
}

func (s *signalAfter) Write(p []byte) (int, error) {
	n, err := s.Builder.Write(p)
	if strings.Contains(s.String(), s.text) {
		s.signal()
	}
	return n, err
}
