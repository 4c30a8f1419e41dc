package step

import (
	"encoding/json"
	"fmt"

	"pmx/onnxgraph"
)

// Property is the metadata property of a step file that holds Step's JSON.
const Property = "pmx.step"

// Version is the version of that JSON. Version 1 called the task "method" and had
// neither fills nor frozen state.
const Version = 2

// Step is one training step as a model: state and batch and hyper-parameters in,
// state and metrics out.
type Step struct {
	Version int
	Task    string          // what is trained, as package tasks names it
	Config  json.RawMessage // the task's own
	State   []Tensor
	Batch   []Port
	Hyper   []Hyper
	Metrics []string // the loss first

	// Model is the graph. It is not part of the JSON.
	Model *onnxgraph.Model
}

// stepJSON is Step as a file has it.
type stepJSON struct {
	Version int             `json:"version"`
	Task    string          `json:"task,omitempty"`
	Method  string          `json:"method"` // version 1's word for the task, still written for its readers
	Config  json.RawMessage `json:"config"`
	State   []Tensor        `json:"state"`
	Batch   []Port          `json:"batch"`
	Hyper   []Hyper         `json:"hyper"`
	Metrics []string        `json:"metrics"`
}

// MarshalJSON writes the step's description, without the model.
func (s *Step) MarshalJSON() ([]byte, error) {
	return json.Marshal(stepJSON{s.Version, s.Task, s.Task, s.Config, s.State, s.Batch, s.Hyper, s.Metrics})
}

// UnmarshalJSON reads a step's description, of this version or an older one.
func (s *Step) UnmarshalJSON(data []byte) error {
	var j stepJSON
	if err := json.Unmarshal(data, &j); err != nil {
		return err
	}
	if j.Version < 1 || j.Version > Version {
		return fmt.Errorf("step: the description has version %d, this pmx knows 1 to %d", j.Version, Version)
	}
	if j.Version == 1 {
		j.Task = j.Method
	}
	*s = Step{Version: j.Version, Task: j.Task, Config: j.Config, State: j.State, Batch: j.Batch, Hyper: j.Hyper, Metrics: j.Metrics}
	return nil
}

// Read gives the step that a model's metadata describes; ok is false where it
// describes none.
func Read(m *onnxgraph.Model) (s *Step, ok bool, err error) {
	text, ok := m.Metadata[Property]
	if !ok {
		return nil, false, nil
	}
	s = &Step{Model: m}
	if err := json.Unmarshal([]byte(text), s); err != nil {
		return nil, true, fmt.Errorf("step: the metadata property %s is damaged: %w", Property, err)
	}
	s.Model = m
	return s, true, nil
}

// Hyper is an input of one number, float [1].
type Hyper struct {
	Name string `json:"name"`
}

// Names of the hyper-parameters that the optimizers take.
const (
	HyperLR          = "lr"
	HyperWeightDecay = "weight_decay"
)

// Metrics that every step has: the total loss, first, and the length of the
// gradient before clipping.
const (
	MetricLoss     = "loss"
	MetricGradNorm = "grad_norm"
)
