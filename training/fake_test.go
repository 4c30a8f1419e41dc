package training_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"

	"pmx/step"

	"pmx/builders"
	"pmx/onnxgraph"
	"pmx/training"
)

// fakeStep has the ports of a real step: a batch, masks, two schedules, a counter.
func fakeStep() *step.Step {
	return &step.Step{
		State: []step.Tensor{
			{Name: "w", Kind: step.Param, DType: "float", Shape: []int{3}},
			{Name: step.CounterName, Kind: step.Counter, DType: "int64", Shape: []int{1}},
		},
		Batch:   []step.Port{{Name: "x", DType: "float", Shape: []int{4}}, {Name: builders.DropPathFeed, DType: "float", Shape: []int{2, 2, 4}}},
		Hyper:   []step.Hyper{{Name: step.HyperLR}, {Name: step.HyperWeightDecay}},
		Metrics: []string{"loss", "grad_norm"},
	}
}

// fakeSession is a Session whose every result depends on all that it is given, so
// that a wrong batch, mask, schedule or state shows.
type fakeSession struct {
	w, before   []float32
	count       int64
	undoable    bool
	losses      []float64
	failAt      map[int64]error              // by the step that is to be done, from 1
	changeAt    map[int64]func(m metricsMap) // of the result
	afterStep   func(step int64)
	stateErrors []error // of the next calls of State
}

type metricsMap = map[string]float64

func newFakeSession() *fakeSession { return &fakeSession{w: make([]float32, 3)} }

func (s *fakeSession) SetState(state step.State) error {
	if len(state) != 2 {
		return fmt.Errorf("%d state tensors", len(state))
	}
	copy(s.w, onnxgraph.Data[float32](state["w"]))
	s.count = onnxgraph.Data[int64](state[step.CounterName])[0]
	s.undoable = false
	return nil
}

func (s *fakeSession) State() (step.State, error) {
	if len(s.stateErrors) > 0 {
		err := s.stateErrors[0]
		if s.stateErrors = s.stateErrors[1:]; err != nil {
			return nil, err
		}
	}
	return step.State{
		"w":              onnxgraph.NewTensor([]int{3}, append([]float32(nil), s.w...)),
		step.CounterName: onnxgraph.NewTensor([]int{1}, []int64{s.count}),
	}, nil
}

func (s *fakeSession) Step(ctx context.Context, feeds map[string]*onnxgraph.Tensor, hyper map[string]float64) (map[string]float64, error) {
	if err := errors.Join(ctx.Err(), s.failAt[s.count+1]); err != nil {
		return nil, err
	}
	s.before, s.undoable = append([]float32(nil), s.w...), true
	s.count++
	loss := 1 / float64(s.count)
	for i, x := range onnxgraph.Data[float32](feeds["x"]) {
		mask := onnxgraph.Data[float32](feeds[builders.DropPathFeed])[8+i] // of the second block
		s.w[i%3] = s.w[i%3]*float32(1-hyper[step.HyperWeightDecay]) - float32(hyper[step.HyperLR])*(x+mask)
		loss += float64(s.w[i%3])
	}
	s.losses = append(s.losses, loss)
	metrics := metricsMap{"loss": loss, "grad_norm": 2 * loss}
	if change := s.changeAt[s.count]; change != nil {
		change(metrics)
	}
	if s.afterStep != nil {
		s.afterStep(s.count)
	}
	return metrics, nil
}

func (s *fakeSession) Undo() error {
	if !s.undoable {
		return errors.New("nothing to undo")
	}
	s.w, s.undoable = s.before, false
	s.count--
	return nil
}

func (s *fakeSession) Close() error { return nil }

// seededFeeder draws every port of a step from a seed and the batch's number.
type seededFeeder struct {
	ports    []step.Port
	seed     uint64
	perEpoch int
	next     uint64
	held     int // batches that were not released
	onNext   func(batch uint64) error
}

func newFeeder(of *step.Step, perEpoch int) *seededFeeder {
	return &seededFeeder{ports: of.Batch, seed: 11, perEpoch: perEpoch}
}

func (f *seededFeeder) Next(ctx context.Context) (map[string]*onnxgraph.Tensor, func(), error) {
	if err := ctx.Err(); err != nil {
		return nil, nil, err
	}
	batch := f.next
	f.next++
	if f.onNext != nil {
		if err := f.onNext(batch); err != nil {
			return nil, nil, err
		}
	}
	rng := rand.New(rand.NewPCG(f.seed, batch))
	feeds := map[string]*onnxgraph.Tensor{}
	for _, p := range f.ports {
		t := onnxgraph.Zeros(onnxgraph.Float32, p.Shape)
		for i := range onnxgraph.Data[float32](t) {
			onnxgraph.Data[float32](t)[i] = rng.Float32()
		}
		feeds[p.Name] = t
	}
	f.held++
	return feeds, func() { f.held-- }, nil
}

func (f *seededFeeder) StepsPerEpoch() int { return f.perEpoch }

func (f *seededFeeder) Position() training.Position {
	return training.PositionAt(int64(f.next), f.perEpoch)
}

func (f *seededFeeder) seek(p training.Position) { f.next = uint64(p.Done()) }

// schedules are some that move at every step.
func schedules(steps int64) training.Schedules {
	return training.Schedules{
		step.HyperLR:              training.WarmupCosine(0, 1e-2, 1e-4, steps/4, steps),
		step.HyperWeightDecay:     training.Cosine(.01, .1, steps),
		builders.HyperTemperature: training.Constant(.2),
		builders.HyperEMAMomentum: training.EMAMomentum(.9, steps),
	}
}

// fakeLoop trains a fakeSession.
func fakeLoop(s *fakeSession, steps int64, perEpoch int, hooks ...training.Hook) *training.Loop {
	return &training.Loop{
		Session: s, Feeder: newFeeder(fakeStep(), perEpoch), Schedules: schedules(steps),
		Steps: steps, Images: 4, Hooks: hooks,
	}
}
