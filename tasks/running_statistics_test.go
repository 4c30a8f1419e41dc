package tasks_test

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"pmx/tasks"

	"pmx/step"

	"pmx/builders"
	"pmx/onnxgraph"
)

// passOrder is the published code's: each view's query, then its key, and local
// crops last. Graphs add queries before keys; the name of a pass is its scope's.
var passOrder = []string{"q_view1", "k_view1", "q_view2", "k_view2", "k_mixed1", "q_mixed2", "local", "local#2"}

// exposeHeadInputs makes an output of what each pass hands to its projector,
// named by the pass.
func exposeHeadInputs(g *onnxgraph.Graph) {
	passes := map[string]int{}
	for _, n := range g.Nodes() {
		if n.Op.Name != "Linear" || !strings.Contains(n.Inputs[1].Name, ".head.0.weight") {
			continue
		}
		name, _, _ := strings.Cut(n.Name, "/")
		if passes[name]++; passes[name] > 1 {
			name += fmt.Sprint("#", passes[name])
		}
		g.Output(name, n.Inputs[0])
	}
}

// plainHeads computes projectors and predictor in plain loops, as PyTorch does in
// training mode, where it updates running statistics, and in evaluation mode.
type plainHeads struct {
	config   tasks.Contrastive
	state    map[string][]float64 // parameters and statistics
	training bool
	embedded map[string][][]float64 // by pass
}

func newPlainHeads(c tasks.Contrastive, state map[string]*onnxgraph.Tensor, training bool) *plainHeads {
	p := &plainHeads{config: c, state: map[string][]float64{}, training: training, embedded: map[string][][]float64{}}
	for name, x := range state {
		p.state[name] = slices.Clone(x.Float64s())
	}
	return p
}

// embed takes the passes that there are features of.
func (p *plainHeads) embed(features map[string]*onnxgraph.Tensor) {
	for _, pass := range passOrder {
		if features[pass] == nil {
			continue
		}
		x := rowsOf(features[pass])
		if strings.HasPrefix(pass, "k_") && p.config.MomentumEncoder {
			p.embedded[pass] = p.head("momentum_encoder.head", p.config.ProjLayers, x)
			continue
		}
		z := p.head("base_encoder.head", p.config.ProjLayers, x)
		p.embedded[pass] = z
		if !strings.HasPrefix(pass, "k_") {
			if key := strings.Replace(pass, "q_", "k_", 1); features[key] == nil {
				p.embedded[key] = z // the key without a pass of its own
			}
			p.embedded[pass] = p.head("predictor", p.config.PredLayers, z)
		}
	}
}

func (p *plainHeads) head(name string, layers int, x [][]float64) [][]float64 {
	for l := range layers {
		weight := p.state[fmt.Sprintf("%s.%d.weight", name, 3*l)]
		norm := fmt.Sprintf("%s.%d.", name, 3*l+1)
		in, out := len(x[0]), len(weight)/len(x[0])
		y := make([][]float64, len(x))
		for r := range y {
			y[r] = make([]float64, out)
			for o := range y[r] {
				for i := range in {
					y[r][o] += x[r][i] * weight[o*in+i]
				}
			}
		}
		for o := range out {
			mean, variance := p.statistics(norm, y, o)
			for r := range y {
				y[r][o] = (y[r][o] - mean) / math.Sqrt(variance+1e-5)
				if l < layers-1 {
					y[r][o] = max(0, y[r][o]*p.state[norm+"weight"][o]+p.state[norm+"bias"][o])
				}
			}
		}
		x = y
	}
	return x
}

// statistics are what column o is normalised by.
func (p *plainHeads) statistics(norm string, y [][]float64, o int) (mean, variance float64) {
	runningMean, runningVar := p.state[norm+"running_mean"], p.state[norm+"running_var"]
	if !p.training {
		return runningMean[o], runningVar[o]
	}
	n := float64(len(y))
	for r := range y {
		mean += y[r][o] / n
	}
	for r := range y {
		variance += (y[r][o] - mean) * (y[r][o] - mean) / n
	}
	runningMean[o] = 0.9*runningMean[o] + 0.1*mean
	runningVar[o] = 0.9*runningVar[o] + 0.1*variance*n/(n-1)
	return mean, variance
}

// losses embeds and gives the metrics of a method with at most one local crop.
func (p *plainHeads) losses(t *testing.T, features, feeds map[string]*onnxgraph.Tensor) map[string]float64 {
	t.Helper()
	p.embed(features)
	temperature := feeds[builders.HyperTemperature].Float64s()[0]
	contrast := func(q, k, target string) float64 {
		return plainContrast(p.embedded[q], p.embedded[k], rowsOf(feeds[target]), temperature)
	}
	out := map[string]float64{}
	switch p.config.Method {
	case "patchmix":
		out["loss_source"] = contrast("q_view1", "k_view2", "target_source")
		out["loss_mix_source"] = contrast("q_mixed2", "k_view1", "target_mix_source") / 2
		out["loss_mix_mix"] = contrast("q_mixed2", "k_mixed1", "target_mix_mix") / 2
		if p.config.LocalCrops > 0 {
			out["loss_multi_source"] = contrast("local", "k_view1", "target_source") + contrast("local", "k_view2", "target_source")
			out["loss_multi_mix_source"] = contrast("local#2", "k_view1", "target_mix_source") + contrast("local#2", "k_view2", "target_mix_source")
		}
	case "mocov3":
		out["loss_source"] = 2 * temperature * (contrast("q_view1", "k_view2", "target_source") + contrast("q_view2", "k_view1", "target_source"))
		if p.config.LocalCrops > 0 {
			out["loss_multi_source"] = 2 * temperature * (contrast("local", "k_view1", "target_source") + contrast("local", "k_view2", "target_source"))
		}
	default:
		t.Fatalf("no plain loss of method %s: add it here", p.config.Method)
	}
	total := 0.0
	for _, part := range out {
		total += part
	}
	out[step.MetricLoss] = total
	return out
}

func rowsOf(x *onnxgraph.Tensor) [][]float64 {
	return slices.Collect(slices.Chunk(x.Float64s(), x.Shape()[1]))
}

// TestORTTrainingStatistics: each batch norm's, named as PyTorch does, from 0 and
// 1; frozen in the checkpoint, so not of the kind that is trained.
func TestORTTrainingStatistics(t *testing.T) {
	eachORTTraining(t, func(t *testing.T, a *builders.ORTTraining) {
		want, config := map[string]int{}, configOf(t, a.Step)
		heads := map[string]int{"base_encoder.head": config.ProjLayers, "predictor": config.PredLayers}
		if config.MomentumEncoder {
			heads["momentum_encoder.head"] = config.ProjLayers
		}
		for head, layers := range heads {
			for l := range layers {
				dim := config.Hidden
				if l == layers-1 {
					dim = config.OutDim
				}
				want[fmt.Sprintf("%s.%d.running_mean", head, 3*l+1)], want[fmt.Sprintf("%s.%d.running_var", head, 3*l+1)] = dim, dim
			}
		}
		initial := a.InitialState(1)
		for _, s := range a.Step.State {
			if s.Kind != step.Statistic {
				continue
			}
			if !slices.Equal(s.Shape, []int{want[s.Name]}) {
				t.Errorf("%s is %v, want [%d]", s.Name, s.Shape, want[s.Name])
			}
			delete(want, s.Name)
			first := 0.0
			if strings.HasSuffix(s.Name, "_var") {
				first = 1
			}
			for _, v := range initial[s.Name].Float64s() {
				if v != first {
					t.Fatalf("%s begins at %v, want %v", s.Name, v, first)
				}
			}
		}
		for name := range want {
			t.Errorf("no %s is kept", name)
		}
		for _, n := range a.Eval.Graph.Nodes() {
			if n.Op.Name == "BatchNormTraining" {
				t.Errorf("the evaluation model's %s normalises by its batch", n.Name)
			}
		}
	})
}

// plainContrast is the contrastive loss in plain loops.
func plainContrast(q, k, target [][]float64, temperature float64) float64 {
	loss := 0.0
	for b := range q {
		logits := make([]float64, len(k))
		sum := 0.0
		for j := range k {
			dot, qq, kk := 0.0, 0.0, 0.0
			for i := range q[b] {
				dot, qq, kk = dot+q[b][i]*k[j][i], qq+q[b][i]*q[b][i], kk+k[j][i]*k[j][i]
			}
			logits[j] = dot / math.Sqrt(qq*kk) / temperature
			sum += math.Exp(logits[j])
		}
		for j := range k {
			loss -= target[b][j] * (logits[j] - math.Log(sum)) / float64(len(q))
		}
	}
	return loss
}
