package cli

import (
	"bufio"
	"context"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"pmx/artifacts"
	"pmx/internal/require"
	"pmx/runtimes/runtimelib"
)

// TestStopWhileImagesAreListed: the list of images is a pipe, which is read as slowly
// as the test writes it. Every command that opens one ends at a signal.
func TestStopWhileImagesAreListed(t *testing.T) {
	for _, command := range []string{
		"train --preset quickstart --runtime reference --data list:PIPE --out RUN",
		"bench train --preset quickstart --runtime reference --data list:PIPE",
		"bench step --preset quickstart --runtime reference --against train --data list:PIPE",
		"preview --preset quickstart --data list:PIPE --out RUN.png",
	} {
		t.Run(command, func(t *testing.T) {
			dir := t.TempDir()
			pipe := filepath.Join(dir, "pipe")
			if err := syscall.Mkfifo(pipe, 0o600); err != nil {
				t.Fatal(err)
			}
			args := strings.Fields(strings.NewReplacer("PIPE", pipe, "RUN", filepath.Join(dir, "run")).Replace(command))
			ctx, cancel := context.WithCancelCause(t.Context())
			defer cancel(nil)
			var stderr strings.Builder
			code := make(chan int, 1)
			go func() { code <- Main(ctx, args, io.Discard, &stderr) }()
			defer openForReader(t, pipe).Close() // then the reader goes
			cancel(&signalError{os.Interrupt})
			wantExit(t, code, ExitInterrupted)
			if want := "pmx: stopped by signal: interrupt\n"; stderr.String() != want {
				t.Errorf("standard error %q, want %q", stderr.String(), want)
			}
			if _, err := os.Stat(filepath.Join(dir, "run")); err == nil {
				t.Error("a run was begun")
			}
		})
	}
}

// openForReader opens a pipe for writing once somebody reads it.
func openForReader(t *testing.T, pipe string) *os.File {
	t.Helper()
	for range 4000 {
		f, err := os.OpenFile(pipe, os.O_WRONLY|syscall.O_NONBLOCK, 0)
		if err == nil {
			return f
		}
		time.Sleep(5 * time.Millisecond)
	}
	t.Fatal("nobody reads the list of images")
	return nil
}

// TestStopBenchViews: what continues without end goes no further.
func TestStopBenchViews(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	defer cancel(nil)
	code := make(chan int, 1)
	go func() {
		code <- Main(ctx, strings.Fields("bench views --noise 8 --size 8 --count 2000000000"), io.Discard, io.Discard)
	}()
	select {
	case c := <-code:
		t.Fatalf("ended by itself, code %d", c)
	case <-time.After(50 * time.Millisecond):
	}
	cancel(&signalError{syscall.SIGTERM})
	wantExit(t, code, ExitTerminated)
}

// TestStopAtPipe: the opening of a pipe that nobody serves looks at no signal; the
// command ends all the same.
func TestStopAtPipe(t *testing.T) {
	for _, command := range []string{
		"detect score --gt PIPE --results none.json",
		"detect generate --images 1 --gt PIPE",
		"build-graph --preset quickstart --out PIPE",
	} {
		t.Run(command, func(t *testing.T) {
			pipe := filepath.Join(t.TempDir(), "pipe")
			if err := syscall.Mkfifo(pipe, 0o600); err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithCancelCause(t.Context())
			defer cancel(nil)
			code := make(chan int, 1)
			go func() {
				code <- Main(ctx, strings.Fields(strings.ReplaceAll(command, "PIPE", pipe)), io.Discard, io.Discard)
			}()
			select {
			case c := <-code:
				t.Fatalf("ended by itself, code %d", c)
			case <-time.After(300 * time.Millisecond):
			}
			cancel(&signalError{syscall.SIGHUP})
			wantExit(t, code, ExitHangup)
		})
	}
}

// TestTrainUnread: who reads the output of a training goes away. It saves and stops.
func TestTrainUnread(t *testing.T) {
	dir := t.TempDir()
	if err := drawAll(dir); err != nil {
		t.Fatal(err)
	}
	program, err := exec.LookPath("pmx")
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program, strings.Fields("train --preset quickstart --runtime reference --set image_size=8 --set patch_size=4 --set dim=4 --set heads=1 --set depth=1 --set hidden=4 --set out_dim=4 --set batch=4 --set epochs=1000 --set warmup_epochs=0 --no-knn --data folder:classes --out run")...)
	cmd.Dir = dir
	output, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(output)
	begun := false
	for !begun && lines.Scan() {
		begun = strings.HasPrefix(lines.Text(), "epoch 2/")
	}
	if !begun {
		t.Error("the training ended by itself")
	}
	output.Close()
	code := make(chan int, 1)
	go func() { cmd.Wait(); code <- cmd.ProcessState.ExitCode() }()
	wantExit(t, code, ExitPipe)
	run, err := artifacts.ViewRun(filepath.Join(dir, "run"))
	if err != nil {
		t.Fatal(err)
	}
	saved, err := run.Checkpoints().Latest()
	logged := int64(0)
	for row, rowErr := range run.Metrics() {
		if err == nil {
			err = rowErr
		}
		if rowErr == nil {
			logged = row.Step
		}
	}
	if err != nil || logged == 0 || logged != saved {
		t.Errorf("saved step %d of %d, %v", saved, logged, err)
	}
}

func wantExit(t *testing.T, code <-chan int, want int) {
	t.Helper()
	select {
	case got := <-code:
		if got != want {
			t.Errorf("exit code %d, want %d", got, want)
		}
	case <-time.After(5 * time.Second): // on a busy machine
		t.Fatal("it did not stop")
	}
}

// TestStop: what takes long and saves nothing ends at a signal, whatever it is at, and
// leaves nothing.
func TestStop(t *testing.T) {
	for _, command := range []string{
		// Building the graph of a deep model, which takes longer than wantExit waits.
		"build-graph --preset quickstart --set depth=1024 --out DIR/step.onnx",
		"build-graph --preset quickstart --set depth=1024 --format ort-training --out DIR/artifacts",
		"bench step --preset quickstart --set depth=1024 --runtime reference",
		"train --preset quickstart --set depth=1024 --runtime reference --out DIR/run",
		// Steps and products.
		"bench step --preset quickstart --runtime reference --steps 1000000",
		"bench train --preset quickstart --runtime reference --steps 1000000",
		"bench gemm --runtime reference --size 1024 --count 1000000",
	} {
		t.Run(command, func(t *testing.T) {
			dir := t.TempDir()
			code, stderr := stopped(t, strings.ReplaceAll(command, "DIR", dir), func() { time.Sleep(2 * time.Second) }) // a process takes its time to start
			wantExit(t, code, ExitTerminated)
			if want := "pmx: stopped by signal: terminated\n"; stderr.String() != want {
				t.Errorf("standard error %q, want %q", stderr.String(), want)
			}
			wantEmpty(t, dir)
		})
	}
}

// TestStopWriting: a file that is being written is taken away.
func TestStopWriting(t *testing.T) {
	for name, command := range map[string]string{
		"state.safetensors": "build-graph --preset imagenet-small --out DIR/step.onnx --state DIR/state.safetensors",
		"gt.json":           "detect generate --gt DIR/gt.json --images 1000000",
	} {
		t.Run(command, func(t *testing.T) {
			dir := t.TempDir()
			code, stderr := stopped(t, strings.ReplaceAll(command, "DIR", dir), func() { untilThere(t, filepath.Join(dir, ".*")) })
			wantExit(t, code, ExitTerminated)
			want := "pmx: " + filepath.Join(dir, name) + " was not written (an older file is untouched): stopped by signal: terminated\n"
			if stderr.String() != want {
				t.Errorf("standard error %q, want %q", stderr.String(), want)
			}
			wantEmpty(t, dir)
		})
	}
}

// TestStopTrace: a part of a trace is none.
func TestStopTrace(t *testing.T) {
	if _, err := findLibrary(runtimelib.ORT, ""); err != nil {
		require.Missing(t, err.Error())
	}
	dir := t.TempDir()
	code, _ := stopped(t, "bench step --preset quickstart --steps 1000000 --profile "+filepath.Join(dir, "trace"), func() { untilThere(t, filepath.Join(dir, "trace_*")) })
	wantExit(t, code, ExitTerminated)
	wantEmpty(t, dir)
}

// TestStopReading: the words of whoever noticed are not a user's, and what waits for a
// file's next bytes need not get them.
func TestStopReading(t *testing.T) {
	for command, begin := range map[string]string{
		"detect score --gt PIPE --results x": `{"images": [`,
		"inspect PIPE":                       "\x10\x00",
	} {
		t.Run(command, func(t *testing.T) {
			pipe := filepath.Join(t.TempDir(), "pipe")
			if err := syscall.Mkfifo(pipe, 0o600); err != nil {
				t.Fatal(err)
			}
			var writer *os.File
			code, stderr := stopped(t, strings.Replace(command, "PIPE", pipe, 1), func() {
				writer = openForReader(t, pipe)
				writer.WriteString(begin)
			})
			defer writer.Close()
			if strings.HasPrefix(command, "detect score") { // looks at the signal after each read
				writer.WriteString(`{"id": 1},`)
			}
			wantExit(t, code, ExitTerminated)
			if want := "pmx: stopped by signal: terminated\n"; stderr.String() != want {
				t.Errorf("standard error %q, want %q", stderr.String(), want)
			}
		})
	}
}

// stopped runs a command and sends it a signal after wait. It is a process of its own, so
// that the work that it leaves ends with it.
func stopped(t *testing.T, command string, wait func()) (code <-chan int, stderr *strings.Builder) {
	t.Helper()
	program, err := exec.LookPath("pmx")
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program, strings.Fields(command)...)
	stderr = new(strings.Builder)
	cmd.Stderr = stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	codes := make(chan int, 1)
	go func() { cmd.Wait(); codes <- cmd.ProcessState.ExitCode() }()
	wait()
	select {
	case c := <-codes:
		t.Fatalf("ended by itself, code %d: %s", c, stderr.String())
	default:
	}
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	return codes, stderr
}

// untilThere waits for a file.
func untilThere(t *testing.T, pattern string) {
	t.Helper()
	for range 4000 {
		if files, _ := filepath.Glob(pattern); len(files) > 0 {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
	t.Error("nothing is written")
}

func wantEmpty(t *testing.T, dir string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) > 0 {
		t.Errorf("left behind: %v, error %v", entries, err)
	}
}
