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
