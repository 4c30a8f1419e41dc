package atomicfile

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func TestWriteCreatesAndReplaces(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.txt")
	for _, want := range []string{"first", "second, longer", ""} {
		if err := WriteBytes(path, []byte(want)); err != nil {
			t.Fatal(err)
		}
		assertContent(t, path, want)
	}
	assertOnly(t, filepath.Dir(path), "a.txt")
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm()&0o600 != 0o600 || info.Mode().Perm()&0o111 != 0 {
		t.Errorf("mode %v of a new file", info.Mode())
	}
}

// TestFailureKeepsOldFile fails each step of a write in turn.
func TestFailureKeepsOldFile(t *testing.T) {
	boom := errors.New("boom")
	small := func(w io.Writer) error { _, err := w.Write([]byte("new")); return err }
	large := func(w io.Writer) error { _, err := w.Write(make([]byte, 4<<20)); return err }
	for name, tt := range map[string]struct {
		fill    func(io.Writer) error
		faults  faultyFile
		wantErr error
	}{
		"fill":          {func(w io.Writer) error { w.Write(make([]byte, 4<<20)); return boom }, faultyFile{}, boom},
		"write":         {large, faultyFile{room: 1 << 20, write: syscall.ENOSPC}, syscall.ENOSPC},
		"flush":         {small, faultyFile{room: 1, write: syscall.ENOSPC}, syscall.ENOSPC},
		"sync":          {small, faultyFile{room: 1 << 20, sync: syscall.EIO}, syscall.EIO},
		"close (quota)": {small, faultyFile{room: 1 << 20, close: syscall.EDQUOT}, syscall.EDQUOT},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "old")
			if err := WriteBytes(path, []byte("old content")); err != nil {
				t.Fatal(err)
			}
			create := createTemp
			if name != "fill" {
				create = func(path string) (file, error) {
					f, err := createTemp(path)
					faults := tt.faults
					faults.file = f
					return &faults, err
				}
			}
			err := write(path, tt.fill, create)
			if !errors.Is(err, tt.wantErr) {
				t.Fatalf("got error %v, want %v", err, tt.wantErr)
			}
			if !strings.Contains(err.Error(), path) || strings.Contains(err.Error(), tempMark) {
				t.Errorf("error names the wrong file: %v", err)
			}
			full := errors.Is(tt.wantErr, syscall.ENOSPC) || errors.Is(tt.wantErr, syscall.EDQUOT)
			if full != strings.Contains(err.Error(), "free some space") {
				t.Errorf("wrong advice: %v", err)
			}
			assertContent(t, path, "old content")
			assertOnly(t, filepath.Dir(path), "old")
		})
	}
}

func TestMissingFolder(t *testing.T) {
	err := WriteBytes(filepath.Join(t.TempDir(), "no", "x"), nil)
	if err == nil || !strings.Contains(err.Error(), "create the folder first") {
		t.Errorf("got %v", err)
	}
}

func TestTargetIsFolder(t *testing.T) {
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "d", "x"), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := WriteBytes(filepath.Join(dir, "d"), nil); err == nil {
		t.Error("a folder was replaced by a file")
	}
	assertOnly(t, dir, "d")
}

func TestRemoveTemps(t *testing.T) {
	dir := t.TempDir()
	f, err := createTemp(filepath.Join(dir, "x.json"))
	if err != nil {
		t.Fatal(err)
	}
	f.Close()
	f.release()
	for _, keep := range []string{".hidden", "x.json", "x.pmx-tmp-1"} {
		if err := os.WriteFile(filepath.Join(dir, keep), nil, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	if err := RemoveTemps(dir); err != nil {
		t.Fatal(err)
	}
	assertOnly(t, dir, ".hidden", "x.json", "x.pmx-tmp-1")
}

// faultyFile takes room bytes and then fails, as a full disk does.
type faultyFile struct {
	file
	room               int
	write, sync, close error
}

func (f *faultyFile) Write(p []byte) (int, error) {
	if len(p) <= f.room {
		f.room -= len(p)
		return f.file.Write(p)
	}
	n, _ := f.file.Write(p[:f.room])
	f.room = 0
	return n, f.write
}

func (f *faultyFile) Sync() error {
	if f.sync != nil {
		return f.sync
	}
	return f.file.Sync()
}

func (f *faultyFile) Close() error { return errors.Join(f.file.Close(), f.close) }

func assertContent(t *testing.T, path, want string) {
	t.Helper()
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want {
		t.Errorf("%s holds %q, want %q", path, got, want)
	}
}

func assertOnly(t *testing.T, dir string, want ...string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range entries {
		got = append(got, e.Name())
	}
	if strings.Join(got, " ") != strings.Join(want, " ") {
		t.Errorf("%s holds %v, want %v", dir, got, want)
	}
}

// TestWriteOverFolder: a folder is not replaced, and no temporary file is named.
func TestWriteOverFolder(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "folder")
	if err := os.Mkdir(path, 0o777); err != nil {
		t.Fatal(err)
	}
	err := WriteBytes(path, []byte("x"))
	want := path + " was not written (an older file is untouched): is a directory: name a file in it"
	if err == nil || err.Error() != want || !errors.Is(err, syscall.EISDIR) {
		t.Errorf("error %v, want %s", err, want)
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 1 {
		t.Errorf("the folder's folder holds %v, error %v", entries, err)
	}
}
