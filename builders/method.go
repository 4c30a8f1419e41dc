package builders

import (
	"pmx/internal/registry"
	"pmx/onnxgraph"
)

// Method is a self-supervised learning method: how the branches of a Siamese
// network make a loss. A method is one file that registers itself.
type Method struct {
	Name  string
	Paper string // where it is described
	// Mixes says that batches hold mixed images and their targets.
	Mixes bool
	// Loss adds the forward passes and gives the total loss [1] and its parts.
	Loss func(m *Siamese) (total *onnxgraph.Value, parts []Metric)
	// QueryImages is how many images one step sends through the query encoder:
	// the rows of the drop-path mask.
	QueryImages func(c Config) int
}

// Metric is a named number [1] that a step reports.
type Metric struct {
	Name  string
	Value *onnxgraph.Value
}

var methods = registry.New[*Method]("builders", "method")

// RegisterMethod adds a method. It panics on a duplicate name.
func RegisterMethod(m Method) *Method {
	return methods.Add(m.Name, &m)
}

// LookupMethod finds a method; the error lists those that exist.
func LookupMethod(name string) (*Method, error) { return methods.Lookup(name) }

// Methods lists the registered methods by name.
func Methods() []*Method {
	var out []*Method
	for _, name := range methods.Names() {
		m, _ := methods.Lookup(name)
		out = append(out, m)
	}
	return out
}
