package step

import (
	"hash/fnv"
	"math/rand/v2"

	"pmx/onnxgraph"
)

// Kind is the role of a state tensor.
type Kind string

// The kinds of state.
const (
	Param       Kind = "param"       // a trained parameter
	Frozen      Kind = "frozen"      // a parameter that the step reads and does not change: it has no Out
	Moment1     Kind = "moment1"     // the optimizer's mean of the gradient, or SGD's momentum
	Moment2     Kind = "moment2"     // AdamW's mean of its square
	EMA         Kind = "ema"         // an exponential moving average of parameters
	Statistic   Kind = "statistic"   // a batch norm's running mean or variance
	Accumulator Kind = "accumulator" // a gradient that is summed over several steps
	Counter     Kind = "counter"     // the number of steps taken
)

// CounterName is the state tensor that counts optimizer steps, int64 [1].
const CounterName = "step"

// Tensor is one tensor of the state, that a step reads from input In and writes to
// output Out; Out is "" for frozen state.
type Tensor struct {
	Name  string `json:"name"`
	In    string `json:"in"`
	Out   string `json:"out,omitempty"`
	Kind  Kind   `json:"kind"`
	DType string `json:"dtype"`
	Shape []int  `json:"shape"`

	// Init draws the elements that training starts from, row-major; CopyOf names the
	// tensor that this one starts as. Where neither is given it starts as zeros.
	Init   func(rng *rand.Rand) []float32 `json:"-"`
	CopyOf string                         `json:"-"`
}

// State is what training changes: a tensor for each Tensor of a Step, by its name.
// A Session holds it, a checkpoint keeps it, an encoder is a part of it.
type State map[string]*onnxgraph.Tensor

// InitialState draws the state that training starts from: each parameter from
// its own stream of the seed, so that none depends on another's size.
func (s *Step) InitialState(seed uint64) State {
	state := State{}
	for _, t := range s.State {
		switch {
		case t.Init != nil:
			h := fnv.New64a()
			h.Write([]byte(t.Name))
			state[t.Name] = onnxgraph.NewTensor(t.Shape, t.Init(rand.New(rand.NewPCG(seed, h.Sum64()))))
		case t.CopyOf != "":
			state[t.Name] = state[t.CopyOf].Clone()
		case t.Kind == Counter:
			state[t.Name] = onnxgraph.Zeros(onnxgraph.Int64, t.Shape)
		default:
			state[t.Name] = onnxgraph.Zeros(onnxgraph.Float32, t.Shape)
		}
	}
	return state
}
