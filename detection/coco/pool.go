package coco

import (
	"context"
	"runtime"
	"sync"
	"sync/atomic"
)

// pool shares a number of goroutines between nested loops: a loop over categories
// keeps all of them busy, and when few categories are left, the loops over the
// images of a large one take over the idle ones.
type pool struct {
	ctx   context.Context
	spare chan struct{} // a token for every goroutine that may be started

	mu  sync.Mutex
	err error
}

func newPool(ctx context.Context) *pool {
	p := &pool{ctx: ctx, spare: make(chan struct{}, max(runtime.GOMAXPROCS(0)-1, 0))}
	for range cap(p.spare) {
		p.spare <- struct{}{}
	}
	return p
}

// each calls do for 0..n-1, in any order, on this goroutine and on those that are
// idle or become so, and returns when all are done. After the first error or the
// end of the context no further calls begin.
func (p *pool) each(n int, do func(i int) error) error {
	var (
		next    atomic.Int64
		helpers sync.WaitGroup
		work    func(mayHelp bool)
	)
	work = func(mayHelp bool) {
		for {
			if mayHelp && int(next.Load()) < n-1 {
				select {
				case <-p.spare:
					helpers.Go(func() {
						defer func() { p.spare <- struct{}{} }()
						work(false)
					})
				default:
				}
			}
			i := int(next.Add(1)) - 1
			if i >= n || p.failed() != nil {
				return
			}
			if err := do(i); err != nil {
				p.fail(err)
			}
		}
	}
	work(true)
	helpers.Wait()
	return p.failed()
}

func (p *pool) failed() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.err == nil {
		p.err = p.ctx.Err()
	}
	return p.err
}

func (p *pool) fail(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.err == nil {
		p.err = err
	}
}
