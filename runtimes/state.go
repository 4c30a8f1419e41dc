package runtimes

import (
	"errors"
	"fmt"

	"pmx/step"

	"pmx/onnxgraph"
	"pmx/runtimes/device"
)

var errStepClosed = errors.New("runtimes: the session is closed")

// stateSets holds a step's state in two sets of tensors, where the step runs: each
// step reads one and writes the other, so nothing is copied and the last step can be
// undone. V is what the runtime takes as a tensor.
type stateSets[V any] struct {
	step     *step.Step
	memory   *device.Memory // of the device that holds the state; nil for main memory
	sets     [2][]stateTensor[V]
	now      int // the set that holds the current state
	undoable bool
	closed   bool
}

// stateTensor is a tensor of the state.
type stateTensor[V any] struct {
	value V
	storage
}

// storage is where a tensor of the state lies: hostStorage, or a device.Tensor.
type storage interface {
	Write(t *onnxgraph.Tensor) error
	Read() (*onnxgraph.Tensor, error)
	Close() error
}

var _ storage = (*device.Tensor)(nil)

// hostStorage is a tensor in main memory, lent to the runtime.
type hostStorage struct {
	tensor *onnxgraph.Tensor
	end    func() error // of the loan
}

func (h hostStorage) Write(t *onnxgraph.Tensor) error {
	copy(h.tensor.Bytes(), t.Bytes())
	return nil
}

func (h hostStorage) Read() (*onnxgraph.Tensor, error) { return h.tensor.Clone(), nil }

func (h hostStorage) Close() error { return h.end() }

// newStateSets makes a state of zeros, in memory, or where that is nil in main memory.
// lend hands a tensor there to the runtime, borrow takes one of the device. The
// memory is closed with the state, also if newStateSets fails.
func newStateSets[V any](of *step.Step, memory *device.Memory,
	lend func(*onnxgraph.Tensor) (V, func() error, error), borrow func(*device.Tensor) V) (*stateSets[V], error) {
	s := &stateSets[V]{step: of, memory: memory}
	for side := range s.sets {
		for i, t := range of.State {
			if side == 1 && t.Kind == step.Frozen { // no step writes it
				s.sets[side] = append(s.sets[side], s.sets[0][i])
				continue
			}
			x, err := s.newTensor(t, lend, borrow)
			if err != nil {
				s.close()
				return nil, fmt.Errorf("runtimes: state: %s: %w", t.Name, err)
			}
			s.sets[side] = append(s.sets[side], x)
		}
	}
	return s, nil
}

func (s *stateSets[V]) newTensor(t step.Tensor,
	lend func(*onnxgraph.Tensor) (V, func() error, error), borrow func(*device.Tensor) V) (x stateTensor[V], err error) {
	dtype, err := onnxgraph.ParseDType(t.DType)
	if err != nil {
		return x, err
	}
	if s.memory != nil {
		there, err := s.memory.NewTensor(dtype, t.Shape)
		if err != nil {
			return x, err
		}
		return stateTensor[V]{borrow(there), there}, nil
	}
	zeros := onnxgraph.Zeros(dtype, t.Shape)
	value, end, err := lend(zeros)
	return stateTensor[V]{value, hostStorage{zeros, end}}, err
}

// SetState implements Session. If it fails, the state is as before.
func (s *stateSets[V]) SetState(state step.State) error {
	if s.closed {
		return errStepClosed
	}
	if err := checkState(s.step, state); err != nil {
		return err
	}
	next := s.next()
	for i, t := range s.step.State {
		if err := next[i].Write(state[t.Name]); err != nil {
			return fmt.Errorf("runtimes: state: %s: %w", t.Name, err)
		}
	}
	s.now = 1 - s.now
	return nil
}

// State implements Session.
func (s *stateSets[V]) State() (step.State, error) {
	if s.closed {
		return nil, errStepClosed
	}
	out := make(step.State, len(s.step.State))
	for i, t := range s.step.State {
		x, err := s.sets[s.now][i].Read()
		if err != nil {
			return nil, fmt.Errorf("runtimes: state: %s: %w", t.Name, err)
		}
		out[t.Name] = x
	}
	return out, nil
}

// Undo implements Session.
func (s *stateSets[V]) Undo() error {
	if !s.undoable {
		return errNothingToUndo
	}
	s.now, s.undoable = 1-s.now, false
	return nil
}

// current is the set that a step reads.
func (s *stateSets[V]) current() []stateTensor[V] { return s.sets[s.now] }

// next is the set that a step writes. From here on the last step cannot be undone.
func (s *stateSets[V]) next() []stateTensor[V] {
	s.undoable = false
	return s.sets[1-s.now]
}

// stepped makes what a step has written the current state.
func (s *stateSets[V]) stepped() { s.now, s.undoable = 1-s.now, true }

func (s *stateSets[V]) close() error {
	var errs []error
	for side, set := range s.sets {
		for i, t := range set {
			if side == 1 && s.step.State[i].Kind == step.Frozen {
				continue // is the other set's
			}
			errs = append(errs, t.Close())
		}
	}
	if s.memory != nil {
		errs = append(errs, s.memory.Close())
	}
	s.sets, s.memory, s.undoable, s.closed = [2][]stateTensor[V]{}, nil, false, true
	return errors.Join(errs...)
}

// stateMemory is ONNX Runtime's name of the memory that holds a training's state; ""
// is main memory. What a GPU reads and writes from there would be copied in each step.
func (o Options) stateMemory() string {
	if o.memory == "" && o.Device == "cuda" {
		return device.CUDA
	}
	return o.memory
}

// forCopies are the options of a session that copies the state.
func (o Options) forCopies() Options {
	o.ProfilePrefix, o.Threads = "", 1
	return o
}
