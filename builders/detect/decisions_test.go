package detect_test

import (
	"fmt"
	"slices"
	"testing"

	"pmx/builders/detect"
	"pmx/internal/numtest"
	"pmx/onnxgraph"
	"pmx/runtimes/runtimetest"
)

// TestDecisionsRecorded compares what a step decides with detectron2's decisions:
// proposals, and the samples of the RPN and of the heads with their boxes and classes.
func TestDecisionsRecorded(t *testing.T) {
	for _, name := range recordedModels {
		t.Run(name, func(t *testing.T) {
			m := readModel(t, name)
			feeds := m.feeds(t)
			g, err := onnxgraph.Build("decisions", func(g *onnxgraph.Graph) {
				in := func(name string) *onnxgraph.Value {
					return g.Input(name, feeds[name].DType(), feeds[name].Shape()...)
				}
				for name, v := range detect.Decisions(m.params(t, g).Root(""), m.config, in(detect.ImageFeed), in(detect.SizesFeed), in(detect.BoxesFeed),
					in(detect.ClassesFeed), in(detect.MasksFeed), in(detect.RPNKeysFeed), in(detect.RoIKeysFeed)) {
					g.Output(name, v)
				}
			})
			if err == nil {
				g, err = g.Optimize() // anchors are float32 then, also on the reference: ties are decided by them
			}
			if err != nil {
				t.Fatal(err)
			}
			runtimetest.Everywhere(t, g, feeds, func(t *testing.T, got map[string]*onnxgraph.Tensor) { m.checkDecisions(t, got) })
		})
	}
}

func (m *recordedModel) checkDecisions(t *testing.T, got map[string]*onnxgraph.Tensor) {
	summed := numtest.Tolerance("float", numtest.Summed)
	compare := func(what string, got, want []float64, tolerance float64) {
		t.Helper()
		if err := numtest.Compare(got, want, tolerance); err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
	for _, name := range []string{"rpn/logits", "rpn/deltas", "rpn/anchors", "roi/pooled", "roi/logits", "roi/deltas"} {
		compare(name, got[name].Float64s(), m.tensors[name].Float64s(), summed)
	}
	images := len(m.raw.Images)
	row := func(name string, i int) []float64 {
		all := got[name].Float64s()
		return all[i*len(all)/images : (i+1)*len(all)/images]
	}
	for i := range images {
		want := func(name string) []float64 {
			v := m.tensors[fmt.Sprintf(name, i)]
			if v == nil {
				t.Fatalf("%s is not recorded", fmt.Sprintf(name, i))
			}
			return v.Float64s()
		}
		what := func(name string) string { return fmt.Sprintf("%s of image %d", name, i) }
		positive, negative := want("rpn/%d/sampled_positive"), want("rpn/%d/sampled_negative")
		compare(what("rpn/sampled"), row("rpn/sampled", i), slices.Concat(positive, negative), 0)
		compare(what("rpn/foreground"), row("rpn/foreground", i), marks(len(positive), len(positive)+len(negative)), 0)

		proposals := want("rpn/%d/proposals")
		count := len(proposals) / 4
		compare(what("proposals"), row("proposals", i)[:len(proposals)], proposals, summed)
		compare(what("proposal_logits"), row("proposal_logits", i)[:count], want("rpn/%d/proposal_logits"), summed)
		compare(what("proposals_present"), row("proposals_present", i), marks(count, m.config.Proposals(false)), 0)

		sampled := want("roi/%d/sampled")
		for k, v := range sampled {
			if int(v) >= count {
				sampled[k] += float64(m.config.Proposals(false) - count)
			}
		}
		compare(what("roi/sampled"), row("roi/sampled", i), sampled, 0)
		compare(what("roi/used"), row("roi/used", i), marks(len(sampled), m.config.RoIBatch), 0)
		compare(what("roi/classes"), row("roi/classes", i), want("roi/%d/classes"), 0)
		compare(what("roi/boxes"), row("roi/boxes", i), want("roi/%d/boxes"), summed)
	}
}

// marks are n numbers, 1 at first and then 0.
func marks(first, n int) []float64 {
	return slices.Concat(slices.Repeat([]float64{1}, first), make([]float64, n-first))
}
