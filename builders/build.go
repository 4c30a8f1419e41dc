package builders

import (
	"encoding/json"
	"fmt"
	"maps"

	"pmx/onnxgraph"
	"pmx/step"
)

// Plan is what a training step is made of.
type Plan struct {
	Task   string         // its name, which the step's description has
	Config any            // the task's own configuration, likewise
	Model  func(d *Draft) // makes parameters, feeds and the loss

	// Optimizer updates the parameters; nil is AdamW with PyTorch's defaults.
	Optimizer Optimizer
	// Groups gives the group of each trained parameter; nil is DecayMatrices.
	Groups func(p *Param) Group
	// ClipGrad bounds the norm of the gradient of all parameters together; 0
	// leaves it as it is.
	ClipGrad float64
	// RunningStatistics makes batch norms keep moving averages of the mean and
	// variance of their batches, as state.
	RunningStatistics bool
}

// Group says how the optimizer treats a parameter: its learning rate and weight
// decay are the step's, times these.
type Group struct {
	Rate, Decay float64
	// Parts, unless empty, says that the parameter is so many of one shape below each
	// other, in its first dimension, and how much of the group's learning rate each has.
	Parts []float64
}

// DecayMatrices is the group of a parameter in contrastive pre-training: weight decay
// applies to parameters of more than one dimension, not to biases and the scales of
// norms. cls_token and pos_embed are decayed.
func DecayMatrices(p *Param) Group {
	if len(p.Shape) > 1 {
		return Group{Rate: 1, Decay: 1}
	}
	return Group{Rate: 1}
}

func (p *Plan) group(param *Param) Group {
	if p.Groups == nil {
		return DecayMatrices(param)
	}
	return p.Groups(param)
}

// Build writes a training step: forward, backward, optimizer and the updates of
// averages, which come before the forward pass.
func Build(p *Plan) (*step.Step, error) {
	s, model, err := buildModel(p, "step", step.Property, (*Plan).lowerStep)
	if err != nil {
		return nil, err
	}
	s.Model = model
	return s, nil
}

// buildModel builds one graph of a plan with its description as metadata.
func buildModel(p *Plan, kind, property string, lower func(p *Plan, g *onnxgraph.Graph, s *step.Step)) (*step.Step, *onnxgraph.Model, error) {
	config, err := json.Marshal(p.Config)
	if err != nil {
		return nil, nil, fmt.Errorf("builders: %s: %w", p.Task, err)
	}
	s := &step.Step{Version: step.Version, Task: p.Task, Config: config}
	graph, err := onnxgraph.Build(p.Task+"_"+kind, func(g *onnxgraph.Graph) { lower(p, g, s) })
	if err == nil {
		graph, err = graph.Optimize()
	}
	var description []byte
	if err == nil {
		description, err = json.Marshal(s)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("builders: %s: %w", p.Task, err)
	}
	return s, &onnxgraph.Model{Graph: graph, Metadata: map[string]string{property: string(description)}}, nil
}

// lowerStep writes the step file's graph.
func (p *Plan) lowerStep(g *onnxgraph.Graph, s *step.Step) {
	var statistics *runningStatistics
	if p.RunningStatistics {
		statistics = newRunningStatistics(g, false)
	}
	optimizer := p.Optimizer
	if optimizer == nil {
		optimizer = AdamW{}
	}
	u := &update{plan: p}
	d := newDraft(g, s, statistics, lowering{begin: u.declare})
	p.Model(d)
	d.begin()
	grads := d.differentiate()

	leave := g.ScopeOf("optimizer")
	next := u.apply(d, optimizer, grads)
	leave()
	maps.Copy(next, d.averages)
	for i := range s.State {
		t := &s.State[i]
		t.In = t.Name
		if t.Kind == step.Frozen {
			continue
		}
		t.Out = t.Name + ".next"
		g.Output(t.Out, next[t.Name])
	}
	for _, metric := range append(d.metrics, Metric{step.MetricGradNorm, u.norm}) {
		s.Metrics = append(s.Metrics, metric.Name)
		g.Output(metric.Name, metric.Value)
	}
}
