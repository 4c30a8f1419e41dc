//go:build unix

package filelock

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestTry(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	held, err := Try(path)
	if err != nil {
		t.Fatal(err)
	}
	_, err = Try(path)
	if !errors.Is(err, ErrHeld) || !strings.Contains(err.Error(), fmt.Sprint("process ", os.Getpid())) {
		t.Errorf("second lock: %v", err)
	}
	if err := held.Release(); err != nil {
		t.Fatal(err)
	}
	again, err := Try(path)
	if err != nil {
		t.Fatal(err)
	}
	again.Release()
	if _, err := Try(filepath.Join(path, "x")); err == nil || errors.Is(err, ErrHeld) {
		t.Errorf("impossible path: %v", err)
	}
}

// TestTryLeavesOtherFiles: a link is not followed, and a file that holds something is
// locked as it is.
func TestTryLeavesOtherFiles(t *testing.T) {
	dir := t.TempDir()
	const precious = "a list of names\n"
	victim, link := filepath.Join(dir, "victim"), filepath.Join(dir, "link")
	if err := errors.Join(os.WriteFile(victim, []byte(precious), 0o666), os.Symlink(victim, link)); err != nil {
		t.Fatal(err)
	}
	if _, err := Try(link); err == nil || errors.Is(err, ErrHeld) || !strings.Contains(err.Error(), "is a symbolic link") {
		t.Errorf("a link: %v", err)
	}
	l, err := Try(victim)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Release()
	if data, err := os.ReadFile(victim); err != nil || string(data) != precious {
		t.Errorf("the file holds %q, %v", data, err)
	}
}

func TestWait(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	held, err := Try(path)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if _, err := Wait(ctx, path, nil); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("waited past the deadline: %v", err)
	}
	waits := 0
	l, err := Wait(t.Context(), path, func(error) {
		waits++
		held.Release()
	})
	if err != nil || waits != 1 {
		t.Fatalf("error %v after %d waits", err, waits)
	}
	l.Release()
}
