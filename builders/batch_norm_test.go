package builders

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"slices"
	"strings"
	"testing"

	"pmx/onnxgraph"
	"pmx/step"
)

// batchNormPass is a recorded call of torch.nn.BatchNorm1d.
type batchNormPass struct {
	X           [][]float64 `json:"x"`
	Y           [][]float64 `json:"y"`
	RunningMean []float64   `json:"running_mean"` // after it
	RunningVar  []float64   `json:"running_var"`
}

// TestBatchNormIsPyTorchs holds both modes of a batch norm with running statistics
// to numbers of torch.nn.BatchNorm1d. The passes are added in another order than
// that of their feeds, in which PyTorch took them.
func TestBatchNormIsPyTorchs(t *testing.T) {
	data, err := os.ReadFile("testdata/batch_norm.json")
	if err != nil {
		t.Fatal(err)
	}
	var recorded struct {
		Weight, Bias         []float64
		Training, Evaluation []batchNormPass
	}
	if err := json.Unmarshal(data, &recorded); err != nil {
		t.Fatal(err)
	}
	feeds := map[string]*onnxgraph.Tensor{
		"norm.weight": onnxgraph.NewTensor([]int{3}, recorded.Weight), "norm.bias": onnxgraph.NewTensor([]int{3}, recorded.Bias),
		"norm.running_mean": onnxgraph.NewTensor([]int{3}, []float64{0, 0, 0}), "norm.running_var": onnxgraph.NewTensor([]int{3}, []float64{1, 1, 1}),
	}
	first, last := recorded.Training[:1], recorded.Training[2]
	for _, passes := range [][]batchNormPass{first, recorded.Training} {
		after := batchNormed(t, false, passes, feeds)
		end := passes[len(passes)-1]
		for i, p := range passes {
			closeTo(t, fmt.Sprintf("training, batch %d of %d", i, len(passes)), after[fmt.Sprint("y", i)], slices.Concat(p.Y...))
		}
		closeTo(t, "running_mean", after["norm.running_mean.next"], end.RunningMean)
		closeTo(t, "running_var", after["norm.running_var.next"], end.RunningVar)
	}
	feeds["norm.running_mean"], feeds["norm.running_var"] = onnxgraph.NewTensor([]int{3}, last.RunningMean), onnxgraph.NewTensor([]int{3}, last.RunningVar)
	for _, p := range recorded.Evaluation {
		closeTo(t, "evaluation", batchNormed(t, true, []batchNormPass{p}, feeds)["y0"], slices.Concat(p.Y...))
		alone := batchNormPass{X: p.X[:1]}
		closeTo(t, "evaluation of one row", batchNormed(t, true, []batchNormPass{alone}, feeds)["y0"], p.Y[0])
	}
}

// batchNormed runs passes through one batch norm, added last to first.
func batchNormed(t *testing.T, inference bool, passes []batchNormPass, feeds map[string]*onnxgraph.Tensor) map[string]*onnxgraph.Tensor {
	t.Helper()
	g, err := batchNormGraph(inference, passes)
	if err != nil {
		t.Fatal(err)
	}
	for i, p := range passes {
		feeds[fmt.Sprint("x", i)] = onnxgraph.NewTensor([]int{len(p.X), 3}, slices.Concat(p.X...))
	}
	out, err := onnxgraph.Eval(g, feeds)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func batchNormGraph(inference bool, passes []batchNormPass) (*onnxgraph.Graph, error) {
	return onnxgraph.Build("batch_norm", func(g *onnxgraph.Graph) {
		params := InputParams(g)
		params.statistics = newRunningStatistics(g, inference)
		norm := NewBatchNorm(params.Root("norm"), 3, true)
		var batch []step.Port
		for i := range passes {
			batch = append(batch, step.Port{Name: fmt.Sprint("x", i)})
		}
		for i := range passes {
			i = len(passes) - 1 - i
			x := g.Input(batch[i].Name, onnxgraph.Float32, len(passes[i].X), 3)
			params.statistics.next(batch, x)
			g.Output(fmt.Sprint("y", i), norm.Forward(x))
		}
		if !inference {
			for name, v := range params.statistics.updated(g) {
				g.Output(name+".next", v)
			}
		}
	})
}

func closeTo(t *testing.T, what string, got *onnxgraph.Tensor, want []float64) {
	t.Helper()
	if got.Size() != len(want) {
		t.Fatalf("%s: %v, want %d numbers", what, got, len(want))
	}
	for i, v := range got.Float64s() {
		if !(math.Abs(v-want[i]) <= 1e-6*max(1, math.Abs(want[i]))) { // the graph's constants are float32
			t.Errorf("%s [%d] = %.9g, want %.9g", what, i, v, want[i])
		}
	}
}

// TestRunningStatisticsOfOneRow: the unbiased variance of one row is 0/0, which
// PyTorch refuses too.
func TestRunningStatisticsOfOneRow(t *testing.T) {
	one := []batchNormPass{{X: [][]float64{{1, 2, 3}}}}
	if _, err := batchNormGraph(false, one); err == nil || !strings.Contains(err.Error(), "at least 2") {
		t.Errorf("training on one row: want an error with %q, got %v", "at least 2", err)
	}
}
