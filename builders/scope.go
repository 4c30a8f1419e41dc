package builders

import (
	"math/rand/v2"

	"pmx/onnxgraph"
)

// Param is a trainable tensor of a model.
type Param struct {
	Name  string // dotted, as in timm: base_encoder.blocks.0.attn.qkv.weight
	Shape onnxgraph.Shape
	// Value is what the graph computes with.
	Value *onnxgraph.Value
	// Init draws the initial elements, row-major.
	Init func(rng *rand.Rand) []float32
}

// Params collects the parameters of a model in the order they are made.
type Params struct {
	list []*Param
	bind func(p *Param) *onnxgraph.Value

	statistics *runningStatistics // of the model's batch norms; nil: they keep none
}

// NewParams collects parameters whose graph values come from bind: an input for
// a trained model, a constant for an exported one.
func NewParams(bind func(p *Param) *onnxgraph.Value) *Params { return &Params{bind: bind} }

// InputParams makes every parameter an input of the graph.
func InputParams(g *onnxgraph.Graph) *Params {
	return NewParams(func(p *Param) *onnxgraph.Value { return g.Input(p.Name, onnxgraph.Float32, p.Shape...) })
}

// List gives the parameters in the order they were made.
func (p *Params) List() []*Param { return p.list }

// Scope names parameters: a Scope "blocks.0" under "base_encoder" makes
// base_encoder.blocks.0.….
type Scope struct {
	params *Params
	prefix string
}

// Root is the scope of a whole model.
func (p *Params) Root(prefix string) Scope { return Scope{p, prefix} }

// Sub is the scope of a part.
func (s Scope) Sub(name string) Scope { return Scope{s.params, s.join(name)} }

// Param makes a parameter of the given name, shape and initial distribution.
func (s Scope) Param(name string, init Initializer, shape ...int) *Param {
	p := &Param{Name: s.join(name), Shape: shape}
	p.Init = func(rng *rand.Rand) []float32 { return init(rng, p.Shape) }
	p.Value = s.params.bind(p)
	s.params.list = append(s.params.list, p)
	return p
}

func (s Scope) join(name string) string {
	if s.prefix == "" {
		return name
	}
	return s.prefix + "." + name
}
