package orttraining_test

import (
	"io"
	"strconv"
	"testing"

	"pmx/internal/memtest"
	"pmx/onnxgraph"
	"pmx/runtimes/orttraining"
	"pmx/runtimes/orttraining/ortcheckpoint"
)

// TestNoLeaks watches memory over 10,000 steps with every call of a loop. A
// status, value or string of 64 bytes lost each step would be 640 KB.
func TestNoLeaks(t *testing.T) {
	state := load(t, initial())
	s := start(t, state)
	steps := func(n int) {
		for k := range n {
			trainStep(t, s, k%100)
			if _, err := s.EvalStep(feeds(k % 100)); err != nil {
				t.Fatal(err)
			}
			w, err := state.Parameter("W1")
			if err != nil {
				t.Fatal(err)
			}
			if err := state.SetParameter("W1", w); err != nil {
				t.Fatal(err)
			}
			if err := state.SetProperty("step", "number "+strconv.Itoa(k)); err != nil {
				t.Fatal(err)
			}
			if _, err := state.Property("step"); err != nil {
				t.Fatal(err)
			}
			if _, err := state.Parameter("none"); err == nil {
				t.Fatal("a parameter that is not there was read")
			}
		}
	}
	memtest.Grows(t, 256<<10, func() { steps(10000) })
}

// TestNoLeaksPlain watches memory over 10,000 steps with the calls that pmx train
// makes to a plain session: new values for each batch, a run on buffers in place, a
// run by name; and a run that fails.
func TestNoLeaksPlain(t *testing.T) {
	l := library(t)
	s, err := l.NewSession(artifacts(t).Eval, sessionOptions(t, orttraining.Options{NoMemoryPattern: true}))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	batches := make([]map[string]*onnxgraph.Tensor, 100)
	for k := range batches {
		batches[k] = feeds(k)
		for _, p := range initial().Trainable {
			batches[k][p.Name] = p.Value
		}
	}
	results := []*onnxgraph.Tensor{onnxgraph.Zeros(onnxgraph.Float32, nil), onnxgraph.Zeros(onnxgraph.Float32, []int{batch, out})}
	steps := func(n int) {
		for k := range n {
			batch := batches[k%len(batches)]
			lend := func(tensors []*onnxgraph.Tensor) (values []*orttraining.Value) {
				for _, x := range tensors {
					v, err := l.NewValue(x)
					if err != nil {
						t.Fatal(err)
					}
					values = append(values, v)
				}
				return values
			}
			var inputs []*onnxgraph.Tensor
			for _, name := range s.Inputs() {
				inputs = append(inputs, batch[name])
			}
			in, out := lend(inputs), lend(results)
			if err := s.Run(in, out); err != nil {
				t.Fatal(err)
			}
			loss := results[0].Float64s()[0]
			if err := s.Run(in, []*orttraining.Value{out[1], out[0]}); err == nil {
				t.Fatal("outputs of the wrong shapes were written")
			}
			for _, v := range append(in, out...) {
				v.Close()
			}
			again, err := s.RunFeeds(batch)
			if err != nil {
				t.Fatal(err)
			}
			if byName := again["loss"].Float64s()[0]; byName != loss {
				t.Fatalf("step %d: loss %v by name, %v in place", k, byName, loss)
			}
		}
	}
	memtest.Grows(t, 256<<10, func() { steps(10000) })
}

// TestNoLeakedSessions makes and closes sessions: each would hold about 100 KB.
func TestNoLeakedSessions(t *testing.T) {
	m, l := artifacts(t), library(t)
	sessions := func(n int) {
		for range n {
			options, err := l.NewSessionOptions(orttraining.Options{Threads: 1})
			if err != nil {
				t.Fatal(err)
			}
			data, err := ortcheckpoint.Encode(initial())
			if err != nil {
				t.Fatal(err)
			}
			state, err := l.LoadCheckpointBytes(data)
			if err != nil {
				t.Fatal(err)
			}
			training, err := l.NewTrainingSession(state, m, options)
			if err != nil {
				t.Fatal(err)
			}
			trainStep(t, training, 0)
			plain, err := l.NewSession(m.Eval, options)
			if err != nil {
				t.Fatal(err)
			}
			batch := feeds(0)
			for _, p := range initial().Trainable {
				batch[p.Name] = p.Value
			}
			if _, err := plain.RunFeeds(batch); err != nil {
				t.Fatal(err)
			}
			for _, c := range []io.Closer{state, training, plain, options} {
				c.Close()
			}
		}
	}
	memtest.Grows(t, 1<<20, func() { sessions(50) })
}
