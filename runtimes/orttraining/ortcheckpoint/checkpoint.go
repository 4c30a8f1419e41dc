package ortcheckpoint

import (
	"fmt"

	"pmx/onnxgraph"
)

// Checkpoint is the state of a training: what a training session starts from.
type Checkpoint struct {
	Trainable []Parameter      // those that the optimizer model updates
	Frozen    []Parameter      // those that it leaves alone
	Groups    []OptimizerGroup // none before the first optimizer step
	// Properties that the host keeps with the state. A name may be in one of the
	// three maps only.
	Ints    map[string]int64
	Floats  map[string]float32
	Strings map[string]string
}

// Parameter is a named tensor. Graph inputs of the same name are fed with it.
type Parameter struct {
	Name  string
	Value *onnxgraph.Tensor
}

// OptimizerGroup is the optimizer's state for a set of parameters. The library
// knows one group, "group0".
type OptimizerGroup struct {
	Name                string
	Step                int64   // optimizer steps done
	InitialLearningRate float32 // what a session that loads the checkpoint starts with
	Moments             []Moments
}

// Moments are the first and second moments of the gradient of one trainable
// parameter, each of its type and shape. Both are nil for an optimizer that keeps
// none, such as SGD.
type Moments struct {
	Param         string
	First, Second *onnxgraph.Tensor
}

// validate checks what neither the types nor the format rule out.
func (c *Checkpoint) validate() error {
	trainable, names := map[string]*onnxgraph.Tensor{}, map[string]bool{}
	for i, p := range append(append([]Parameter(nil), c.Trainable...), c.Frozen...) {
		switch {
		case p.Name == "":
			return fmt.Errorf("parameter %d has no name", i)
		case names[p.Name]:
			return fmt.Errorf("parameter %q is listed twice", p.Name)
		case p.Value == nil:
			return fmt.Errorf("parameter %q has no value", p.Name)
		case p.Value.DType().Size() == 0:
			return fmt.Errorf("parameter %q: elements of type %v cannot be stored", p.Name, p.Value.DType())
		}
		names[p.Name] = true
		if i < len(c.Trainable) {
			trainable[p.Name] = p.Value
		}
	}
	groups := map[string]bool{}
	for _, g := range c.Groups {
		if groups[g.Name] {
			return fmt.Errorf("optimizer group %q is listed twice", g.Name)
		}
		groups[g.Name] = true
		if err := g.validate(trainable); err != nil {
			return fmt.Errorf("optimizer group %q: %w", g.Name, err)
		}
	}
	properties := len(c.Ints) + len(c.Floats) + len(c.Strings)
	all := make(map[string]bool, properties)
	addNames(all, c.Ints)
	addNames(all, c.Floats)
	addNames(all, c.Strings)
	if len(all) != properties {
		return fmt.Errorf("a property has two types: each name may be an integer, a float or a string")
	}
	return nil
}

func (g OptimizerGroup) validate(trainable map[string]*onnxgraph.Tensor) error {
	seen := map[string]bool{}
	for _, m := range g.Moments {
		p := trainable[m.Param]
		switch {
		case p == nil:
			return fmt.Errorf("it has moments of %q, which is no trainable parameter", m.Param)
		case seen[m.Param]:
			return fmt.Errorf("it has moments of %q twice", m.Param)
		case (m.First == nil) != (m.Second == nil):
			return fmt.Errorf("it has one moment of %q: want both or none", m.Param)
		}
		seen[m.Param] = true
		if m.First == nil {
			continue
		}
		for _, t := range []*onnxgraph.Tensor{m.First, m.Second} {
			if t.DType() != p.DType() || !t.Shape().Equal(p.Shape()) {
				return fmt.Errorf("a moment of %q is %v, want %v", m.Param, t, p)
			}
		}
	}
	return nil
}

func addNames[T any](set map[string]bool, m map[string]T) {
	for name := range m {
		set[name] = true
	}
}
