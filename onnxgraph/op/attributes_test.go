package op_test

import (
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"pmx/internal/numtest"
	"pmx/internal/require"
	"pmx/onnxgraph"
	"pmx/onnxgraph/gradcheck"
	"pmx/runtimes"
)

// otherValue gives, by attribute, a value that is not the sample's.
var otherValue = map[string]func(s sample) any{
	"num_heads": func(s sample) any {
		if s.node.Attributes.Int("num_heads", 0) == 1 {
			return int64(2)
		}
		return int64(1)
	},
	"scale":          func(sample) any { return float32(0.3) },
	"epsilon":        func(sample) any { return float32(0.6) },
	"alpha":          func(sample) any { return float32(0.7) },
	"beta":           func(sample) any { return float32(0.99) },
	"axis":           func(s sample) any { return int64(s.node.Inputs[0].Rank() - 1) },
	"sampling_ratio": func(s sample) any { return int64(s.node.Attributes.Int("sampling_ratio", 0) + 3) },
}

// otherOperands gives, by operator, the operands for other attributes where their shapes
// depend on these.
var otherOperands = map[string]func(s sample, attributes onnxgraph.Attributes) []*onnxgraph.Tensor{
	"pmx.RelativeAttention":     widthOfHeads,
	"pmx.RelativeAttentionGrad": widthOfHeads,
}

// widthOfHeads makes the last two operands as wide as a head of the one before.
func widthOfHeads(s sample, attributes onnxgraph.Attributes) []*onnxgraph.Tensor {
	data := slices.Clone(s.data)
	qkv := data[len(data)-3].Shape()
	for i := len(data) - 2; i < len(data); i++ {
		data[i] = resized(data[i], onnxgraph.Shape{data[i].Shape()[0], qkv[2] / 3 / attributes.Int("num_heads", 0)})
	}
	return data
}

// withoutEffect lists attributes that do not change what an operator computes.
var withoutEffect = map[string]string{
	"com.microsoft.SoftmaxGrad_13 axis":            "the last axis counted from the front is the same",
	"com.microsoft.LogSoftmaxGrad_13 axis":         "the last axis counted from the front is the same",
	"com.microsoft.LayerNormalizationGrad axis":    "the last axis counted from the front is the same",
	"com.microsoft.BatchNormalizationGrad epsilon": "the saved deviation has it",
}

// TestAttributesByReference puts nodes of one operator with different attributes in one
// model, for every operator that has a body: every runtime, with kernels and without,
// and the functions of the model's text give each node what Eval gives it alone. A
// model that differs in a fixed attribute cannot be built.
func TestAttributesByReference(t *testing.T) {
	nodes, used := firstNodes(t), map[string]bool{}
	for _, schema := range onnxgraph.Operators() {
		if schema.Body == nil {
			continue
		}
		t.Run(schema.ID(), func(t *testing.T) {
			if nodes[schema.ID()] == nil {
				t.Fatal("no case applies it: add it to withoutCases")
			}
			s := onPositives(nodes[schema.ID()])
			given, changes := []onnxgraph.Attributes{s.node.Attributes}, []string{""}
			for _, a := range schema.Attributes {
				other := otherValue[a.Name]
				if other == nil {
					t.Fatalf("say in otherValue how attribute %s may differ", a.Name)
				}
				changed := maps.Clone(s.node.Attributes)
				changed[a.Name] = other(s)
				if !a.Fixed {
					given, changes = append(given, changed), append(changes, a.Name)
				} else if _, _, err := applyEach(s, []onnxgraph.Attributes{s.node.Attributes, changed}); err == nil || !strings.Contains(err.Error(), "attribute "+a.Name+" = ") {
					t.Errorf("two values of the fixed attribute %s in one model: error %v", a.Name, err)
				}
			}
			g, feeds, err := applyEach(s, given)
			if err != nil {
				t.Fatal(err)
			}
			want, err := onnxgraph.Eval(g, feeds)
			if err != nil {
				t.Fatal(err)
			}
			for i, name := range changes[1:] {
				key := schema.ID() + " " + name
				used[key] = true
				if got := differ(want, len(s.node.Outputs), i+1); got == (withoutEffect[key] != "") {
					t.Errorf("attribute %s changes the outputs: %v; the reason why it would not: %q", name, got, withoutEffect[key])
				}
			}
			t.Run("text", func(t *testing.T) { compareOutputs(t, g, evalFromText(t, g, feeds), want) })
			for _, name := range runtimes.RuntimeNames() {
				for _, setting := range []string{"on", "off"} {
					t.Run(name+" kernels "+setting, func(t *testing.T) {
						compareOutputs(t, g, runOn(t, name, runtimes.Options{Threads: 1, Kernels: setting}, g, feeds), want)
					})
				}
			}
		})
	}
	for key := range withoutEffect {
		if !used[key] {
			t.Errorf("no operator has %s", key)
		}
	}
}

// firstNodes is a node of each operator in float32, from withoutCases or from the
// gradient cases.
func firstNodes(t *testing.T) map[string]*onnxgraph.Node {
	t.Helper()
	out := map[string]*onnxgraph.Node{}
	add := func(g *onnxgraph.Graph, err error) {
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range g.Nodes() {
			if out[n.Op.ID()] == nil {
				out[n.Op.ID()] = n
			}
		}
	}
	add(onnxgraph.Build("withoutCases", withoutCases))
	for _, schema := range onnxgraph.Operators() {
		for _, c := range gradcheck.Cases(schema.ID()) {
			g, _, err := gradcheck.Build(schema.ID(), c, onnxgraph.Float32)
			add(g, err)
		}
	}
	return out
}

// onPositives is a node as a sample on positive numbers.
func onPositives(n *onnxgraph.Node) sample {
	s := sample{n.Graph().Name, n, make([]*onnxgraph.Tensor, len(n.Inputs))}
	rng := rand.New(rand.NewPCG(1, 0))
	for i, x := range n.Inputs {
		if s.data[i] = dataFor(x, nil); x.DType.IsFloat() {
			s.data[i] = onnxgraph.Zeros(onnxgraph.Float32, x.Shape)
			for e := range s.data[i].Size() {
				onnxgraph.Data[float32](s.data[i])[e] = float32(positive(rng, i))
			}
		}
	}
	return s
}

// applyEach builds a graph with a node of the sample for each of the attributes. Node i
// has inputs i.k and outputs i.k.
func applyEach(s sample, given []onnxgraph.Attributes) (*onnxgraph.Graph, map[string]*onnxgraph.Tensor, error) {
	feeds := map[string]*onnxgraph.Tensor{}
	g, err := onnxgraph.Build("attributes", func(g *onnxgraph.Graph) {
		for i, attributes := range given {
			operands := s.data
			if other := otherOperands[s.node.Op.ID()]; other != nil {
				operands = other(s, attributes)
			}
			in := make([]*onnxgraph.Value, len(operands))
			for k, data := range operands {
				name := fmt.Sprintf("in%d.%d", i, k)
				in[k], feeds[name] = g.Input(name, data.DType(), data.Shape()...), data.Clone()
			}
			for k, y := range onnxgraph.ApplyNode(s.node.Op.ID(), attributes, in...).Outputs {
				g.Output(fmt.Sprintf("out%d.%d", i, k), y)
			}
		}
	})
	return g, feeds, err
}

// differ reports whether some output of node i is not what node 0 gives.
func differ(outputs map[string]*onnxgraph.Tensor, count, i int) bool {
	for k := range count {
		a, b := outputs[fmt.Sprintf("out0.%d", k)].Float64s(), outputs[fmt.Sprintf("out%d.%d", i, k)].Float64s()
		for e := range a {
			if math.Abs(a[e]-b[e]) > 1e-3*math.Abs(a[e]) {
				return true
			}
		}
	}
	return false
}

// evalFromText reads the model's text with the operator under a name that is not
// registered, so that the function is all that is known of it.
func evalFromText(t *testing.T, g *onnxgraph.Graph, feeds map[string]*onnxgraph.Tensor) map[string]*onnxgraph.Tensor {
	t.Helper()
	text, err := (&onnxgraph.Model{Graph: g}).Text(-1)
	if err != nil {
		t.Fatal(err)
	}
	text = strings.NewReplacer("pmx.", "foreign.", `"pmx"`, `"foreign"`, "com.microsoft", "foreign.microsoft").Replace(text)
	m, err := onnxgraph.ParseText(text)
	if err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	out, err := onnxgraph.Eval(m.Graph, feeds)
	if err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	return out
}

func runOn(t *testing.T, name string, o runtimes.Options, g *onnxgraph.Graph, feeds map[string]*onnxgraph.Tensor) map[string]*onnxgraph.Tensor {
	t.Helper()
	runtime, err := runtimes.LookupRuntime(name)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := runtime.Version(o); err != nil {
		require.Missing(t, err)
	}
	session, err := runtime.NewInference(&onnxgraph.Model{Graph: g}, o)
	if err != nil {
		t.Fatal(err)
	}
	defer session.Close()
	own := map[string]*onnxgraph.Tensor{} // InPlaceAccumulatorV2 may write into its feed
	for input, data := range feeds {
		own[input] = data.Clone()
	}
	out, err := session.Run(own)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func compareOutputs(t *testing.T, g *onnxgraph.Graph, got, want map[string]*onnxgraph.Tensor) {
	t.Helper()
	for _, v := range g.Outputs() {
		if err := numtest.Compare(got[v.Name].Float64s(), want[v.Name].Float64s(), numtest.Tolerance("float", numtest.Summed)); err != nil {
			t.Errorf("output %s: %v", v.Name, err)
		}
	}
}
