package builders

import (
	"cmp"
	"slices"

	"pmx/onnxgraph"
	"pmx/onnxgraph/op"
	"pmx/step"
)

// runningStatistics makes the batch norms of a model keep moving averages of the
// mean and variance of their batches, named and updated as by PyTorch:
//
//	average = 0.9 average + 0.1 batch,  from mean 0 and variance 1
//
// with the unbiased variance of the batch, once for each pass through a norm. The
// passes of a norm count in the order of the feeds that they take, which is that
// of the published PatchMix code, whatever order a Method adds them in.
//
// https://pytorch.org/docs/stable/generated/torch.nn.BatchNorm1d.html
type runningStatistics struct {
	params    *Params // the averages: inputs of the graph, beside the norms' parameters
	inference bool    // norms normalise by the averages and leave them as they are
	feed      int     // the place in the batch of what passes through the norms now
	norms     []*normStatistics
}

// normStatistics are the averages of one batch norm.
type normStatistics struct {
	of             *runningStatistics
	mean, variance *Param // [dim]
	passes         []batchStatistics
}

// batchStatistics are those of one pass, [dim].
type batchStatistics struct {
	feed           int
	mean, variance *onnxgraph.Value
}

func newRunningStatistics(g *onnxgraph.Graph, inference bool) *runningStatistics {
	return &runningStatistics{params: InputParams(g), inference: inference}
}

// add makes the averages of a norm; nil where none are kept.
func (r *runningStatistics) add(s Scope, dim int) *normStatistics {
	if r == nil {
		return nil
	}
	of := r.params.Root(s.prefix)
	n := &normStatistics{of: r, mean: of.Param("running_mean", Zeros, dim), variance: of.Param("running_var", Ones, dim)}
	r.norms = append(r.norms, n)
	return n
}

// next says that the following passes take x: a feed of the batch, or what begins
// with one.
func (r *runningStatistics) next(batch []step.Port, x *onnxgraph.Value) {
	if r == nil {
		return
	}
	for x.Producer() != nil {
		x = x.Producer().Inputs[0]
	}
	if r.feed = slices.IndexFunc(batch, func(p step.Port) bool { return p.Name == x.Name }); r.feed < 0 {
		onnxgraph.Fail("running_mean", []*onnxgraph.Value{x}, "a pass begins with no feed of the batch, so its place among the passes is not known")
	}
}

// pass notes the statistics of x [N dim], N at least 2: those of one row have no
// variance.
func (n *normStatistics) pass(x *onnxgraph.Value) {
	rows := x.Shape[0]
	if rows < 2 {
		onnxgraph.Fail("running_var", []*onnxgraph.Value{x}, "the unbiased variance is of a known number of rows, at least 2")
	}
	mean := op.ReduceMean(x, false, 0)
	centred := op.Sub(x, mean)
	variance := op.ReduceMean(op.Mul(centred, centred), false, 0)
	variance = op.Mul(variance, op.Scalar(x, float64(rows)/float64(rows-1)))
	n.passes = append(n.passes, batchStatistics{n.of.feed, mean, variance})
}

// updated are the averages after all passes, by name.
func (r *runningStatistics) updated(g *onnxgraph.Graph) map[string]*onnxgraph.Value {
	defer g.ScopeOf("running_statistics")()
	out := map[string]*onnxgraph.Value{}
	for _, n := range r.norms {
		slices.SortStableFunc(n.passes, func(a, b batchStatistics) int { return cmp.Compare(a.feed, b.feed) })
		mean, variance := n.mean.Value, n.variance.Value
		momentum := op.Fill(mean, batchNormMomentum, 1)
		for _, p := range n.passes {
			mean, variance = op.EMA(mean, p.mean, momentum), op.EMA(variance, p.variance, momentum)
		}
		out[n.mean.Name], out[n.variance.Name] = mean, variance
	}
	return out
}
