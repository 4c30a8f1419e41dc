package builders

import (
	"maps"

	"pmx/onnxgraph"
	"pmx/onnxgraph/autodiff"
	"pmx/onnxgraph/op"
	"pmx/step"
)

// Draft is a training step in the making: what a Plan's Model builds on. It makes
// the inputs of the step (parameters, averages, feeds, hyper-parameters), notes what
// they are for, and takes the loss. Build adds the backward pass and the optimizer.
//
// Build it in this order: trained parameters, then all else.
type Draft struct {
	graph   *onnxgraph.Graph
	step    *step.Step
	trained *Params
	lower   lowering
	begun   bool // all trained parameters are made

	averages   map[string]*onnxgraph.Value // averages and running statistics after their update, by name
	statistics *runningStatistics          // of the batch norms; nil: none are kept
	metrics    []Metric                    // the loss first, then its parts
	serve      func(images *onnxgraph.Value) []Metric
}

// lowering is how a draft becomes a model. Its zero value makes a step file.
type lowering struct {
	// begin adds what comes behind the trained parameters: the optimizer's inputs.
	begin func(d *Draft)
	// frozenAverages leaves averages as they are.
	frozenAverages bool
	// anyBatch makes the first feed one of any number of rows.
	anyBatch bool
}

func newDraft(g *onnxgraph.Graph, s *step.Step, statistics *runningStatistics, l lowering) *Draft {
	d := &Draft{graph: g, step: s, lower: l, averages: map[string]*onnxgraph.Value{}, statistics: statistics}
	d.trained = d.inputs(step.Param)
	return d
}

// inputs collects parameters that are inputs of the graph and state of a kind.
func (d *Draft) inputs(kind step.Kind) *Params {
	p := NewParams(func(p *Param) *onnxgraph.Value {
		d.addState(step.Tensor{Name: p.Name, Kind: kind, Shape: p.Shape, Init: p.Init})
		return d.graph.Input(p.Name, onnxgraph.Float32, p.Shape...)
	})
	p.statistics = d.statistics
	return p
}

// Graph is the graph that is built.
func (d *Draft) Graph() *onnxgraph.Graph { return d.graph }

// Params is the scope of trained parameters whose names begin with root; "" is the
// scope of names without a prefix.
func (d *Draft) Params(root string) Scope {
	if d.begun {
		onnxgraph.Fail("Params", nil, "trained parameters (%s) are made before feeds, averages and hyper-parameters", root)
	}
	return d.trained.Root(root)
}

// Frozen is the scope of parameters that the step reads and does not train. They
// are part of its state and have no output.
func (d *Draft) Frozen(root string) Scope {
	d.begin()
	return d.inputs(step.Frozen).Root(root)
}

// Average is the scope of exponential moving averages of the trained parameters of
// another scope:
//
//	average = momentum·average + (1-momentum)·parameter,  from the parameter on
//
// with a momentum [1]. They are updated before the forward pass, and the graph
// computes with the updated ones.
func (d *Draft) Average(of, root string, momentum *onnxgraph.Value) Scope {
	d.begin()
	source := map[string]*Param{}
	for _, p := range d.trained.List() {
		source[p.Name] = p
	}
	averages := NewParams(func(p *Param) *onnxgraph.Value {
		from := source[of+p.Name[len(root):]]
		d.addState(step.Tensor{Name: p.Name, Kind: step.EMA, Shape: p.Shape, CopyOf: from.Name})
		average := d.graph.Input(p.Name, onnxgraph.Float32, p.Shape...)
		if d.lower.frozenAverages {
			return average
		}
		d.averages[p.Name] = op.EMA(average, from.Value, momentum)
		return d.averages[p.Name]
	})
	averages.statistics = d.statistics
	return averages.Root(root)
}

// Feed declares an input of the batch. fill says what stand-in values are like.
func (d *Draft) Feed(name string, dtype onnxgraph.DType, fill step.Fill, shape ...int) *onnxgraph.Value {
	return d.FeedAs(name, dtype, fill, nil, shape...)
}

// FeedAs is Feed with another shape of the stand-in values, for Dynamic dimensions that
// may not be 1.
func (d *Draft) FeedAs(name string, dtype onnxgraph.DType, fill step.Fill, standIn []int, shape ...int) *onnxgraph.Value {
	d.begin()
	d.step.Batch = append(d.step.Batch, step.Port{Name: name, DType: dtype.String(), Shape: shape, Fill: fill, StandIn: standIn})
	if d.lower.anyBatch && len(d.step.Batch) == 1 {
		shape = append([]int{onnxgraph.Dynamic}, shape[1:]...)
		dims := make([]string, len(shape))
		dims[0] = "N"
		return d.graph.Input(name, dtype, shape...).NameDims(dims...)
	}
	return d.graph.Input(name, dtype, shape...)
}

// Hyper declares an input of one number, float [1].
func (d *Draft) Hyper(name string) *onnxgraph.Value {
	d.begin()
	return d.hyper(name)
}

func (d *Draft) hyper(name string) *onnxgraph.Value {
	d.step.Hyper = append(d.step.Hyper, step.Hyper{Name: name})
	return d.graph.Input(name, onnxgraph.Float32, 1)
}

// Minimise takes the loss, float [1], and the parts of it that the step reports
// beside it, under their names.
func (d *Draft) Minimise(loss *onnxgraph.Value, parts ...Metric) {
	d.metrics = append([]Metric{{step.MetricLoss, loss}}, parts...)
}

// Serve says what an exported model computes of the step's first feed, with dropping
// and updates left out. Evaluation models of ONNX Runtime Training have it as
// outputs; step files do not.
func (d *Draft) Serve(outputs func(images *onnxgraph.Value) []Metric) { d.serve = outputs }

// Metric is a named output of a step: a number [1] that it reports.
type Metric struct {
	Name  string
	Value *onnxgraph.Value
}

func (d *Draft) begin() {
	if !d.begun {
		d.begun = true
		if d.lower.begin != nil {
			d.lower.begin(d)
		}
	}
}

// addState describes a float state tensor.
func (d *Draft) addState(t step.Tensor) {
	t.DType = onnxgraph.Float32.String()
	d.step.State = append(d.step.State, t)
}

// addStatistics describes the running statistics of batch norms.
func (d *Draft) addStatistics() {
	if d.statistics == nil {
		return
	}
	for _, p := range d.statistics.params.List() {
		d.addState(step.Tensor{Name: p.Name, Kind: step.Statistic, Shape: p.Shape, Init: p.Init})
	}
}

// differentiated is a training step up to its optimizer: forward and backward
// pass. The step file and the artifacts for ONNX Runtime Training are two ways
// to continue from here.
type differentiated struct {
	params    []*Param
	gradients []*onnxgraph.Value // by parameter
}

// differentiate adds the updates of running statistics and the gradient of the loss
// by each trained parameter.
func (d *Draft) differentiate() *differentiated {
	if d.metrics == nil {
		onnxgraph.Fail("Minimise", nil, "the model gives no loss")
	}
	if d.statistics != nil {
		d.addStatistics()
		maps.Copy(d.averages, d.statistics.updated(d.graph))
	}
	out := &differentiated{params: d.trained.List()}
	values := make([]*onnxgraph.Value, len(out.params))
	for i, p := range out.params {
		values[i] = p.Value
	}
	out.gradients = autodiff.Gradients(d.metrics[0].Value, values)
	for i, p := range out.params {
		if out.gradients[i] == nil {
			onnxgraph.Fail("Gradients", []*onnxgraph.Value{p.Value}, "the loss does not depend on parameter %s", p.Name)
		}
	}
	return out
}
