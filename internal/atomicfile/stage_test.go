package atomicfile

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestStage replaces a pair of files, then fails to.
func TestStage(t *testing.T) {
	dir := t.TempDir()
	put := func(content string, failure error) error {
		return Stage(dir, func(staging string) ([]string, error) {
			for _, name := range []string{"model", "data"} {
				if err := WriteBytes(filepath.Join(staging, name), []byte(content)); err != nil {
					t.Fatal(err)
				}
			}
			return []string{"model"}, failure
		})
	}
	for _, content := range []string{"first", "second"} {
		if err := put(content, nil); err != nil {
			t.Fatal(err)
		}
	}
	boom := errors.New("boom")
	if err := put("third", boom); !errors.Is(err, boom) {
		t.Errorf("error %v, want fill's", err)
	}
	assertContent(t, filepath.Join(dir, "model"), "second")
	assertContent(t, filepath.Join(dir, "data"), "second")
	assertOnly(t, dir, "data", "model")
}

// TestStageMovesLast: what must not be there before the others is moved after
// them; where it cannot be, since it is a folder, the others are there.
func TestStageMovesLast(t *testing.T) {
	dir := t.TempDir()
	if err := WriteBytes(filepath.Join(dir, "a-model"), nil); err != nil {
		t.Fatal(err)
	}
	err := Stage(dir, func(staging string) ([]string, error) {
		return []string{"a-model"}, errors.Join(
			os.Mkdir(filepath.Join(staging, "a-model"), 0o777), WriteBytes(filepath.Join(staging, "b-data"), []byte("new")))
	})
	if err == nil {
		t.Error("a file was replaced by a folder")
	}
	assertContent(t, filepath.Join(dir, "b-data"), "new")
	assertOnly(t, dir, "a-model", "b-data")
}

// TestStageErrors: messages name the file that a user asked for.
func TestStageErrors(t *testing.T) {
	dir := t.TempDir()
	none := filepath.Join(dir, "none")
	err := Stage(none, func(string) ([]string, error) { t.Error("fill was called"); return nil, nil })
	if want := none + " was not written (an older file is untouched): no such file or directory: create the folder first"; err == nil || err.Error() != want {
		t.Errorf("%v, want %s", err, want)
	}
	err = Stage(dir, func(staging string) ([]string, error) {
		full := Write(filepath.Join(staging, "x"), func(io.Writer) error { return syscall.ENOSPC })
		return nil, fmt.Errorf("more about %w", full)
	})
	want := filepath.Join(dir, "x") + " was not written (an older file is untouched): no space left on device: free some space"
	if err == nil || !strings.HasPrefix(err.Error(), want) || !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("%v, want %s", err, want)
	}
	assertOnly(t, dir)

	// A folder in the place of one of the files: none is replaced.
	if err := os.Mkdir(filepath.Join(dir, "model"), 0o777); err != nil {
		t.Fatal(err)
	}
	err = Stage(dir, func(staging string) ([]string, error) {
		return nil, errors.Join(WriteBytes(filepath.Join(staging, "data"), nil), WriteBytes(filepath.Join(staging, "model"), nil))
	})
	if want := filepath.Join(dir, "model") + " was not written (an older file is untouched): is a directory: name a file in it"; err == nil || err.Error() != want {
		t.Errorf("%v, want %s", err, want)
	}
	assertOnly(t, dir, "model")
}

// TestRemoveTempsOfStage: a killed process leaves a folder, which may be empty yet.
func TestRemoveTempsOfStage(t *testing.T) {
	dir := t.TempDir()
	staging, lock, err := createTempDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	lock.Close()
	if err := os.WriteFile(filepath.Join(staging, "x"), nil, 0o666); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, ".stage"+tempMark+"1"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := RemoveTemps(dir); err != nil {
		t.Fatal(err)
	}
	assertOnly(t, dir)
}
