package images

import (
	"context"
	"math/rand/v2"
	"sync"
	"sync/atomic"
)

// Pipeline makes batches in parallel and hands them out in order. Several
// workers fill the items of a batch; the last one of them finishes it. At most
// ahead batches are in the making or waiting.
type Pipeline[B any] struct {
	// Next describes the following batch: what it is and how many items it has.
	// ok is false after the last one. It is called from one goroutine.
	Next func() (batch B, items int, ok bool)
	// Fill makes an item, with memory of the worker. ctx ends when the pipeline is
	// closed.
	Fill func(ctx context.Context, batch B, item int, work *Worker) error
	// Finish completes a batch of which every item is there.
	Finish func(batch B) error

	stop    context.CancelFunc
	running sync.WaitGroup
	slots   chan struct{} // one for every batch that may be ahead
	queue   chan *job[B]
	head    *job[B] // taken from the queue, not handed out yet
}

// Worker is the memory of one worker. Where its image is a large one, it waits until
// those of the other workers leave memory for it.
type Worker struct {
	Image Image
	Space Workspace
	PCG   rand.PCG
	Rand  *rand.Rand // draws from PCG
}

// Release forgets the image if it is a large one, so that others have its memory.
func (w *Worker) Release() { w.Image.free() }

// NewWorker makes a worker's memory. Release it in the end.
func NewWorker() *Worker {
	w := new(Worker)
	w.Rand = rand.New(&w.PCG)
	w.Image.share = new(share)
	return w
}

type job[B any] struct {
	batch B
	left  atomic.Int64
	done  chan struct{}

	mu     sync.Mutex
	err    error
	failed int // item that err is of
}

// fail keeps the error of the lowest item, so that the same one is reported
// whichever worker is faster.
func (j *job[B]) fail(item int, err error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.err == nil || item < j.failed {
		j.err, j.failed = err, item
	}
}

// Start sets the goroutines going.
func (p *Pipeline[B]) Start(workers, ahead int) {
	ctx, cancel := context.WithCancel(context.Background())
	p.stop = cancel
	p.slots = make(chan struct{}, ahead)
	p.queue = make(chan *job[B], ahead)
	type task struct {
		job  *job[B]
		item int
	}
	tasks := make(chan task)
	p.running.Go(func() {
		defer close(tasks)
		defer close(p.queue)
		for {
			select {
			case p.slots <- struct{}{}:
			case <-ctx.Done():
				return
			}
			batch, items, ok := p.Next()
			if !ok {
				return
			}
			j := &job[B]{batch: batch, done: make(chan struct{})}
			j.left.Store(int64(items))
			p.queue <- j // there is room: the slot was free
			for item := range items {
				select {
				case tasks <- task{j, item}:
				case <-ctx.Done():
					return
				}
			}
		}
	})
	for range workers {
		p.running.Go(func() {
			w := NewWorker()
			for t := range tasks {
				if err := p.Fill(ctx, t.job.batch, t.item, w); err != nil {
					t.job.fail(t.item, err)
				}
				w.Release()
				if t.job.left.Add(-1) > 0 {
					continue
				}
				if t.job.err == nil {
					t.job.err = p.Finish(t.job.batch)
				}
				close(t.job.done)
			}
		})
	}
}

// Take waits for the next batch. ok is false after the last one. If ctx ends
// first, the batch stays for the following call.
func (p *Pipeline[B]) Take(ctx context.Context) (batch B, ok bool, err error) {
	if ctx.Err() != nil {
		return batch, false, context.Cause(ctx)
	}
	if p.head == nil {
		select {
		case j, more := <-p.queue:
			if !more {
				return batch, false, nil
			}
			p.head = j
		case <-ctx.Done():
			return batch, false, context.Cause(ctx)
		}
	}
	select {
	case <-p.head.done:
	case <-ctx.Done():
		return batch, false, context.Cause(ctx)
	}
	j := p.head
	p.head = nil
	<-p.slots
	return j.batch, true, j.err
}

// Close ends all goroutines and waits for them.
func (p *Pipeline[B]) Close() {
	p.stop()
	p.running.Wait()
}
