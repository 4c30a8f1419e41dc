package atomicfile

import (
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// useDir names, for the child process, the folder to write in.
const useDir = "PMX_TEST_USE_DIR"

// TestTempsInUseStay: what another process writes is not removed from under it, what
// it leaves when it is killed is.
func TestTempsInUseStay(t *testing.T) {
	if dir := os.Getenv(useDir); dir != "" {
		Write(filepath.Join(dir, "file"), func(io.Writer) error {
			return Stage(dir, func(staging string) ([]string, error) {
				return nil, Write(filepath.Join(staging, "part"), func(io.Writer) error {
					os.Stdout.WriteString("ready")
					select {}
				})
			})
		})
		return
	}
	dir := t.TempDir()
	cmd := exec.Command(os.Args[0], "-test.run=^TestTempsInUseStay$")
	cmd.Env = append(os.Environ(), useDir+"="+dir)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(out, make([]byte, len("ready"))); err != nil {
		t.Fatal(err)
	}
	for _, pattern := range []string{".file*", ".stage*/.part*"} {
		assertCount(t, filepath.Join(dir, pattern), 1)
	}
	if err := RemoveTemps(dir); err != nil {
		t.Error(err)
	}
	for _, pattern := range []string{".file*", ".stage*/.part*"} {
		assertCount(t, filepath.Join(dir, pattern), 1)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	cmd.Wait()
	assertCount(t, filepath.Join(dir, ".*"), 2)

	// Stage tidies up before it begins.
	err = Stage(dir, func(staging string) ([]string, error) {
		assertOnly(t, dir, filepath.Base(staging))
		return nil, nil
	})
	if err != nil {
		t.Error(err)
	}
	assertOnly(t, dir)
}

func assertCount(t *testing.T, pattern string, want int) {
	t.Helper()
	if found, err := filepath.Glob(pattern); err != nil || len(found) != want {
		t.Errorf("%s: %v, %v; want %d", pattern, found, err, want)
	}
}

// TestTempsSurviveRemoval: a process that removes temporaries all the time disturbs
// no writing, nor what is just being made.
func TestTempsSurviveRemoval(t *testing.T) {
	dir := t.TempDir()
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for {
			select {
			case <-stop:
				return
			default:
				if err := RemoveTemps(dir); err != nil {
					t.Error(err)
					return
				}
			}
		}
	}()
	for range 60 {
		if err := WriteBytes(filepath.Join(dir, "a"), []byte("a")); err != nil {
			t.Fatal(err)
		}
		if err := Stage(dir, func(staging string) ([]string, error) {
			return nil, WriteBytes(filepath.Join(staging, "b"), []byte("b"))
		}); err != nil {
			t.Fatal(err)
		}
	}
	close(stop)
	<-stopped
	assertOnly(t, dir, "a", "b")
}
