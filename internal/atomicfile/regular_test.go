package atomicfile

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestRegularOnly: a link, dangling or not, a pipe and a folder are refused at once, and
// nothing is written elsewhere.
func TestRegularOnly(t *testing.T) {
	dir := t.TempDir()
	victim := filepath.Join(dir, "victim")
	if err := os.WriteFile(victim, []byte("precious"), 0o666); err != nil {
		t.Fatal(err)
	}
	own := filepath.Join(dir, "own")
	content := func(w io.Writer) error {
		_, err := io.WriteString(w, "content")
		return err
	}
	for name, c := range map[string]struct {
		make func() error
		want string
	}{
		"link":          {func() error { return os.Symlink(victim, own) }, "is a symbolic link: remove it"},
		"dangling link": {func() error { return os.Symlink(filepath.Join(dir, "elsewhere"), own) }, "is a symbolic link: remove it"},
		"pipe":          {func() error { return syscall.Mkfifo(own, 0o666) }, "is not a regular file: remove it"},
		"folder":        {func() error { return os.Mkdir(own, 0o777) }, "is a directory"},
	} {
		t.Run(name, func(t *testing.T) {
			if err := c.make(); err != nil {
				t.Fatal(err)
			}
			defer os.Remove(own)
			if err := WriteRegular(own, content); err == nil || !strings.Contains(err.Error(), own) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("WriteRegular: %v, want %q", err, c.want)
			}
			for _, flag := range []int{os.O_RDWR | os.O_CREATE, os.O_WRONLY | os.O_CREATE | os.O_APPEND, os.O_WRONLY} {
				f, err := OpenRegular(own, flag, 0o666)
				if err == nil {
					f.Close()
				}
				if err == nil || !strings.Contains(err.Error(), own) || !strings.Contains(err.Error(), c.want) {
					t.Errorf("OpenRegular: %v, want %q", err, c.want)
				}
			}
		})
	}
	assertOnly(t, dir, "victim")
	if data, err := os.ReadFile(victim); err != nil || string(data) != "precious" {
		t.Errorf("the file that a link led to holds %q, %v", data, err)
	}
	for range 2 { // made, then replaced
		if err := WriteRegular(own, content); err != nil {
			t.Fatal(err)
		}
	}
	f, err := OpenRegular(own, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if data, err := io.ReadAll(f); err != nil || string(data) != "content" {
		t.Errorf("read %q, %v", data, err)
	}
}
