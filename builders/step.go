package builders

import (
	"encoding/json"
	"fmt"
	"hash/fnv"
	"maps"
	"math/rand/v2"

	"pmx/onnxgraph"
)

// Kind is the role of a state tensor.
type Kind string

// The kinds of state.
const (
	KindParam   Kind = "param"   // a trained parameter
	KindMoment1 Kind = "moment1" // AdamW's mean of the gradient
	KindMoment2 Kind = "moment2" // AdamW's mean of its square
	KindEMA     Kind = "ema"     // the momentum encoder's copy
	KindCounter Kind = "counter" // the number of steps taken

	KindStatistic Kind = "statistic" // a batch norm's running mean or variance; no step file has any
)

// StateTensor is one tensor that a step reads from input In and writes to
// output Out.
type StateTensor struct {
	Name  string `json:"name"`
	In    string `json:"in"`
	Out   string `json:"out"`
	Kind  Kind   `json:"kind"`
	DType string `json:"dtype"`
	Shape []int  `json:"shape"`

	init func(rng *rand.Rand) []float32 // parameters and statistics
	copy string                         // EMA: the parameter it starts as
}

// State is what training changes: a tensor for each StateTensor of a Step, by its name.
// A Session holds it, a checkpoint keeps it, an encoder is a part of it.
type State map[string]*onnxgraph.Tensor

// Port is an input of a batch.
type Port struct {
	Name  string `json:"name"`
	DType string `json:"dtype"`
	Shape []int  `json:"shape"`
}

// Hyper is an input of one number, float [1].
type Hyper struct {
	Name string `json:"name"`
}

// Names of the hyper-parameters.
const (
	HyperLR          = "lr"
	HyperWeightDecay = "weight_decay"
	HyperTemperature = "temperature"
	HyperEMAMomentum = "ema_momentum"
)

// Metrics that every method has: the total loss, first, and the length of the
// gradient before clipping.
const (
	MetricLoss     = "loss"
	MetricGradNorm = "grad_norm"
)

// StepProperty is the metadata property of a step file that holds Step's JSON.
const StepProperty = "pmx.step"

// StepVersion is the version of that JSON.
const StepVersion = 1

// Step is one training step as a model: state and batch and hyper-parameters in,
// state and metrics out. Its JSON is the step file's metadata.
type Step struct {
	Version int           `json:"version"`
	Method  string        `json:"method"`
	Config  Config        `json:"config"`
	State   []StateTensor `json:"state"`
	Batch   []Port        `json:"batch"`
	Hyper   []Hyper       `json:"hyper"`
	Metrics []string      `json:"metrics"`

	// Model is the graph. It is not part of the JSON.
	Model *onnxgraph.Model `json:"-"`
}

// Build writes the training step of the configured method: forward, backward,
// AdamW and, with a momentum encoder, its update, which comes before the forward
// pass.
func Build(c Config) (*Step, error) {
	s, model, err := buildModel(c, "step", StepProperty, (*Step).build)
	if err != nil {
		return nil, err
	}
	s.Model = model
	return s, nil
}

// buildModel builds one graph of a method with its description as metadata.
func buildModel(c Config, kind, property string, build func(s *Step, g *onnxgraph.Graph, method *Method)) (*Step, *onnxgraph.Model, error) {
	if err := c.Validate(); err != nil {
		return nil, nil, err
	}
	method, err := LookupMethod(c.Method)
	if err != nil {
		return nil, nil, err
	}
	s := &Step{Version: StepVersion, Method: method.Name, Config: c}
	graph, err := onnxgraph.Build(method.Name+"_"+kind, func(g *onnxgraph.Graph) { build(s, g, method) })
	if err == nil {
		graph, err = graph.Optimize()
	}
	var description []byte
	if err == nil {
		description, err = json.Marshal(s)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("builders: %s: %w", method.Name, err)
	}
	return s, &onnxgraph.Model{Graph: graph, Metadata: map[string]string{property: string(description)}}, nil
}

func (s *Step) build(g *onnxgraph.Graph, method *Method) {
	m, trained := newSiamese(g, s, nil)
	opt := newAdamW(g, s.hyper(g, HyperLR), s.hyper(g, HyperWeightDecay), s.Config.ClipGrad)
	d := s.differentiate(m, trained, method)

	leave := g.ScopeOf("optimizer")
	next := opt.update(s, d)
	leave()
	maps.Copy(next, d.averages)
	for i := range s.State {
		t := &s.State[i]
		t.In, t.Out = t.Name, t.Name+".next"
		g.Output(t.Out, next[t.Name])
	}
	for _, metric := range append(d.metrics, Metric{MetricGradNorm, opt.norm}) {
		s.Metrics = append(s.Metrics, metric.Name)
		g.Output(metric.Name, metric.Value)
	}
}

// addState describes a float state tensor.
func (s *Step) addState(t StateTensor) {
	t.DType = onnxgraph.Float32.String()
	s.State = append(s.State, t)
}

// addStatistics describes the running statistics of batch norms.
func (s *Step) addStatistics(r *runningStatistics) {
	for _, p := range r.params.List() {
		s.addState(StateTensor{Name: p.Name, Kind: KindStatistic, Shape: p.Shape, init: p.Init})
	}
}

// hyper declares an input of one number.
func (s *Step) hyper(g *onnxgraph.Graph, name string) *onnxgraph.Value {
	s.Hyper = append(s.Hyper, Hyper{name})
	return g.Input(name, onnxgraph.Float32, 1)
}

// InitialState draws the state that training starts from: each parameter from
// its own stream of the seed, so that none depends on another's size.
func (s *Step) InitialState(seed uint64) State {
	state := State{}
	for _, t := range s.State {
		switch {
		case t.init != nil:
			h := fnv.New64a()
			h.Write([]byte(t.Name))
			state[t.Name] = onnxgraph.NewTensor(t.Shape, t.init(rand.New(rand.NewPCG(seed, h.Sum64()))))
		case t.copy != "":
			state[t.Name] = state[t.copy].Clone()
		case t.Kind == KindCounter:
			state[t.Name] = onnxgraph.Zeros(onnxgraph.Int64, t.Shape)
		default:
			state[t.Name] = onnxgraph.Zeros(onnxgraph.Float32, t.Shape)
		}
	}
	return state
}
