package cancel

import (
	"context"
	"errors"
	"testing"
)

func TestUnless(t *testing.T) {
	if v, err := Unless(t.Context(), func() (int, error) { return 3, nil }); v != 3 || err != nil {
		t.Errorf("work that ends gives %d, %v", v, err)
	}
	failed := errors.New("failed")
	if err := UnlessDo(t.Context(), func() error { return failed }); !errors.Is(err, failed) {
		t.Errorf("work that fails gives %v", err)
	}
	stopped := errors.New("stopped")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(stopped)
	never := make(chan struct{})
	defer close(never)
	if _, err := Unless(ctx, func() (int, error) { <-never; return 1, nil }); !errors.Is(err, stopped) {
		t.Errorf("work that goes on gives %v, want the cause of the context", err)
	}
}
