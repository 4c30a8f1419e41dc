package atomicfile

import (
	"bytes"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestKeepsMode: a private file stays private, also while it is written.
func TestKeepsMode(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "private")
	for _, mode := range []os.FileMode{0o600, 0o640, 0o755} {
		if err := os.WriteFile(path, nil, mode); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		err := Write(path, func(io.Writer) error {
			temps, err := filepath.Glob(filepath.Join(dir, ".private*"))
			if err != nil || len(temps) != 1 {
				t.Fatalf("temporary files %v, %v", temps, err)
			}
			assertMode(t, temps[0], 0o600)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		assertMode(t, path, mode)
		if err := Stage(dir, func(staging string) ([]string, error) {
			return nil, WriteBytes(filepath.Join(staging, "private"), nil)
		}); err != nil {
			t.Fatal(err)
		}
		assertMode(t, path, mode)
	}
}

func assertMode(t *testing.T, path string, want os.FileMode) {
	t.Helper()
	info, err := os.Lstat(path)
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode() != want {
		t.Errorf("%s has mode %v, want %v", path, info.Mode(), want)
	}
}

// TestFollowsLinks: what a link leads to is replaced, or made, where it lies.
func TestFollowsLinks(t *testing.T) {
	dir := t.TempDir()
	for _, sub := range []string{"real", "links"} {
		if err := os.Mkdir(filepath.Join(dir, sub), 0o777); err != nil {
			t.Fatal(err)
		}
	}
	for name, to := range map[string]string{"links/relative": "../real/a", "links/twice": "relative", "links/new": filepath.Join(dir, "real/b"), "up": "links", "links/loop": "loop"} {
		if err := os.Symlink(to, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct{ link, real string }{{"links/relative", "a"}, {"links/twice", "a"}, {"links/new", "b"}, {"up/relative", "a"}} {
		if err := WriteBytes(filepath.Join(dir, c.link), []byte(c.link)); err != nil {
			t.Fatal(err)
		}
		assertContent(t, filepath.Join(dir, "real", c.real), c.link)
		if info, err := os.Lstat(filepath.Join(dir, c.link)); err != nil || info.Mode().Type() != os.ModeSymlink {
			t.Errorf("%s is a link no more: %v, %v", c.link, info.Mode(), err)
		}
	}
	assertOnly(t, filepath.Join(dir, "real"), "a", "b")
	assertOnly(t, filepath.Join(dir, "links"), "loop", "new", "relative", "twice")
	if err := WriteBytes(filepath.Join(dir, "links/loop"), nil); err == nil || !strings.Contains(err.Error(), "too many levels of symbolic links") {
		t.Errorf("a link to itself: %v", err)
	}
}

// TestWritesIntoPipes: a named pipe stays one, and so do the pipes of a shell's
// process substitution.
func TestWritesIntoPipes(t *testing.T) {
	dir := t.TempDir()
	fifo := filepath.Join(dir, "fifo")
	if err := syscall.Mkfifo(fifo, 0o666); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(fifo, 0o640); err != nil { // whatever the umask is
		t.Fatal(err)
	}
	link := filepath.Join(dir, "link")
	if err := os.Symlink(fifo, link); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{fifo, link} {
		read := make(chan []byte, 1)
		go func() {
			data, err := os.ReadFile(fifo)
			if err != nil {
				t.Error(err)
			}
			read <- data
		}()
		want := bytes.Repeat([]byte("content "), 1<<18)
		if err := WriteBytes(path, want); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(<-read, want) {
			t.Errorf("%s: not what was written", path)
		}
		assertOnly(t, dir, "fifo", "link")
		assertMode(t, fifo, os.ModeNamedPipe|0o640)
	}
	if err := Stage(dir, func(staging string) ([]string, error) {
		return nil, WriteBytes(filepath.Join(staging, "fifo"), nil)
	}); err == nil || !strings.HasSuffix(err.Error(), "is not a regular file: remove it, or choose another name") {
		t.Errorf("Stage over a pipe: %v", err)
	}
	if err := Stage(dir, func(staging string) ([]string, error) {
		return nil, WriteBytes(filepath.Join(staging, "link"), nil)
	}); err == nil || !strings.HasSuffix(err.Error(), "is a symbolic link: remove it, or put the file that it leads to in its place") {
		t.Errorf("Stage over a link: %v", err)
	}
	assertOnly(t, dir, "fifo", "link")
}

// stdoutPath names, for the child process, the file to write.
const stdoutPath = "PMX_TEST_STDOUT_PATH"

// TestWritesToOwnOutput: /dev/stdout is the process's standard output, a pipe or a
// file, between what else is written there.
func TestWritesToOwnOutput(t *testing.T) {
	if path := os.Getenv(stdoutPath); path != "" {
		os.Stdout.WriteString("before\n")
		if err := WriteBytes(path, []byte("content\n")); err != nil {
			t.Fatal(err)
		}
		os.Stdout.WriteString("after\n")
		os.Exit(0)
	}
	const want = "before\ncontent\nafter\n"
	child := func(path string) *exec.Cmd {
		cmd := exec.Command(os.Args[0], "-test.run=^TestWritesToOwnOutput$")
		cmd.Env = append(os.Environ(), stdoutPath+"="+path)
		return cmd
	}
	if got, err := child("/dev/stdout").Output(); err != nil || string(got) != want {
		t.Errorf("into a pipe: %q, %v", got, err)
	}
	for _, byName := range []bool{false, true} {
		out, err := os.Create(filepath.Join(t.TempDir(), "out"))
		if err != nil {
			t.Fatal(err)
		}
		defer out.Close()
		path := "/dev/stdout"
		if byName {
			path = out.Name()
		}
		cmd := child(path)
		cmd.Stdout = out
		if err := cmd.Run(); err != nil {
			t.Error(err)
		}
		assertContent(t, out.Name(), want)
	}
}

// TestBrokenPipe: nothing is said of an older file, where there is none.
func TestBrokenPipe(t *testing.T) {
	fifo := filepath.Join(t.TempDir(), "fifo")
	if err := syscall.Mkfifo(fifo, 0o666); err != nil {
		t.Fatal(err)
	}
	go func() {
		if f, err := os.Open(fifo); err == nil {
			f.Close()
		}
	}()
	err := WriteBytes(fifo, make([]byte, 1<<20))
	if want := fifo + " was not written: broken pipe"; err == nil || err.Error() != want {
		t.Errorf("error %v, want %s", err, want)
	}
}
