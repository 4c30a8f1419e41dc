package kernels_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"pmx/onnxgraph"
	"pmx/runtimes"
	"pmx/runtimes/kernels"
)

// TestWrongShape feeds each kernel, through a model with one dimension that is known
// only as it runs, one element too many along it. A kernel may compute that where
// the operator's definition can, and then to the same shapes; otherwise it must say
// what it wants.
func TestWrongShape(t *testing.T) {
	runtime := openORT(t)
	refused := 0
	for _, name := range kernels.Names() {
		if cases[name] == nil {
			continue // TestAccuracy reports it
		}
		t.Run(name, func(t *testing.T) {
			operands, attributes := cases[name](rand.New(rand.NewPCG(7, 8)))
			for i, o := range operands {
				if o.integers != nil {
					continue
				}
				for d := range o.shape {
					c := dynamicCase(name, attributes, operands, i, d)
					if c == nil {
						continue // such a model cannot be built
					}
					where := fmt.Sprintf("%s: dimension %d of input %d", c.sizes, d, i)
					want, undefined := onnxgraph.Eval(c.model.Graph, c.feeds)
					session, err := runtime.NewInference(c.model, runtimes.Options{})
					if err != nil {
						t.Fatal(err)
					}
					got, err := session.Run(c.feeds)
					session.Close()
					switch {
					case err != nil:
						refused++
						if !strings.Contains(err.Error(), name+": want ") {
							t.Errorf("%s: error %v, want one that begins with the operator and says what it wants", where, err)
						}
					case undefined != nil:
						t.Errorf("%s: no error, yet the body cannot: %v", where, undefined)
					default:
						for output, w := range want {
							if !got[output].Shape().Equal(w.Shape()) {
								t.Errorf("%s: %s is %v, want %v", where, output, got[output].Shape(), w.Shape())
							}
						}
					}
				}
			}
		})
	}
	if refused < len(kernels.Names()) {
		t.Errorf("%d wrong shapes were refused: too little is checked", refused)
	}
}

// dynamicCase is a case whose operand i has a Dynamic dimension d, and feeds that
// are one larger there; nil if the operator does not allow one.
func dynamicCase(name string, attributes onnxgraph.Attributes, operands []operand, i, d int) *oneNode {
	c := &oneNode{feeds: map[string]*onnxgraph.Tensor{}}
	g, err := onnxgraph.Build("kernel", func(g *onnxgraph.Graph) {
		var in []*onnxgraph.Value
		for k, o := range operands {
			if o.integers != nil {
				in = append(in, g.Const(onnxgraph.NewTensor(o.shape, o.integers)))
				continue
			}
			declared, fed := onnxgraph.Shape(o.shape).Clone(), onnxgraph.Shape(o.shape).Clone()
			if k == i {
				declared[d] = onnxgraph.Dynamic
				fed[d]++
			}
			input := fmt.Sprintf("in%d", k)
			in = append(in, g.Input(input, onnxgraph.Float32, declared...))
			c.feeds[input] = onnxgraph.Zeros(onnxgraph.Float32, fed)
			c.sizes += fmt.Sprint(o.shape)
		}
		for k, v := range onnxgraph.ApplyNode(name, attributes, in...).Outputs {
			g.Output(fmt.Sprintf("out%d", k), v)
		}
	})
	if err != nil {
		return nil
	}
	c.model = &onnxgraph.Model{Graph: g}
	return c
}

// TestWrongAxis: the softmax gradients go along the last axis only. No graph of ours
// can have another, so one is written into the node.
func TestWrongAxis(t *testing.T) {
	runtime := openORT(t)
	for _, name := range []string{"com.microsoft.SoftmaxGrad_13", "com.microsoft.LogSoftmaxGrad_13"} {
		operands := []operand{free(2, 3), free(2, 3)}
		c := newCase(t, rand.New(rand.NewPCG(9, 10)), name, operands, onnxgraph.Attributes{"axis": int64(1)}, 1)
		c.model.Graph.Nodes()[0].Attributes["axis"] = int64(0)
		session, err := runtime.NewInference(c.model, runtimes.Options{})
		if err != nil {
			t.Fatal(err)
		}
		_, err = session.Run(c.feeds)
		session.Close()
		if want := name + ": want the last axis"; err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q", err, want)
		}
	}
}
