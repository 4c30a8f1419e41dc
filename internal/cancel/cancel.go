// Package cancel ends work that does not look at its context.
package cancel

import "context"

// Unless gives what work gives, or the cause of ctx as soon as that is done.
// It is for work that does not look at ctx and that the end of the program may cut
// short: what work writes to must not be used after.
func Unless[T any](ctx context.Context, work func() (T, error)) (T, error) {
	type result struct {
		value T
		err   error
	}
	done := make(chan result, 1)
	go func() {
		value, err := work()
		done <- result{value, err}
	}()
	select {
	case r := <-done:
		return r.value, r.err
	case <-ctx.Done():
		var none T
		return none, context.Cause(ctx)
	}
}

// UnlessDo is Unless for work that gives nothing.
func UnlessDo(ctx context.Context, work func() error) error {
	_, err := Unless(ctx, func() (struct{}, error) { return struct{}{}, work() })
	return err
}
