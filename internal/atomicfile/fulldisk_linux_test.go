package atomicfile

import (
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// limitDir names, for the child process, the folder to write in.
const limitDir = "PMX_TEST_LIMIT_DIR"

// TestFileSizeLimit has the kernel refuse a write half way, as a full disk does,
// but with a limit on the size of files, which needs no mount and no privilege.
// The limit holds for a whole process, so it is a child's.
func TestFileSizeLimit(t *testing.T) {
	if dir := os.Getenv(limitDir); dir != "" {
		writePastLimit(t, dir)
		return
	}
	cmd := exec.Command(os.Args[0], "-test.run=^TestFileSizeLimit$")
	cmd.Env = append(os.Environ(), limitDir+"="+t.TempDir())
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}

func writePastLimit(t *testing.T, dir string) {
	limit := syscall.Rlimit{Cur: 64 << 10, Max: 64 << 10}
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "x")
	if err := WriteBytes(path, []byte("old content")); err != nil {
		t.Fatal(err)
	}
	err := WriteBytes(path, make([]byte, 1<<20))
	if !errors.Is(err, syscall.EFBIG) || !strings.Contains(err.Error(), "ulimit -f") || !strings.Contains(err.Error(), path) {
		t.Fatalf("got %v", err)
	}
	assertContent(t, path, "old content")
	assertOnly(t, dir, "x")
}

// fullFile is a temporary file whose bytes go to the device that is always full.
type fullFile struct {
	*os.File // /dev/full
	temp     file
}

func (f fullFile) Name() string { return f.temp.Name() }
func (f fullFile) release()     { f.temp.release() }

// TestDevFull takes the kernel's own "no space left" where TestFailureKeepsOldFile
// makes one up.
func TestDevFull(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x")
	if err := WriteBytes(path, []byte("old content")); err != nil {
		t.Fatal(err)
	}
	create := func(path string) (file, error) {
		temp, err := createTemp(path)
		if err != nil {
			return nil, err
		}
		if err := temp.Close(); err != nil {
			return nil, err
		}
		full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
		return fullFile{full, temp}, err
	}
	err := write(path, func(w io.Writer) error { _, err := w.Write(make([]byte, 4<<20)); return err }, create)
	if !errors.Is(err, syscall.ENOSPC) || !strings.Contains(err.Error(), "free some space") {
		t.Errorf("got %v", err)
	}
	assertContent(t, path, "old content")
	assertOnly(t, filepath.Dir(path), "x")
}
