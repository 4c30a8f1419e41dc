package onnxgraph_test

import (
	"math"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"pmx/internal/golden"
	"pmx/onnxgraph"
	"pmx/onnxgraph/op"
)

// TestText is the printed form that golden files rely on.
func TestText(t *testing.T) {
	m := sampleModel(t)
	golden.Text(t, "sample.onnxtxt", m.String())
	if !strings.Contains(m.String(), m.Graph.String()) {
		t.Error("the model's text does not hold its graph's")
	}
}

// TestTextForParser prints in full a model with every kind of thing that the
// text has a form for. testdata/check_text.py reads the file by onnx.parser.
func TestTextForParser(t *testing.T) {
	g, err := onnxgraph.Build("every.kind", func(g *onnxgraph.Graph) {
		x := g.Input("x", onnxgraph.Float32, onnxgraph.Dynamic, 3).NameDims("batch size", "")
		s := g.Input("s", onnxgraph.Float32)
		defer g.Scope("blocks.0")()
		w := make([]float32, 3*17)
		for i := range w {
			w[i] = float32(i)/7 - 3
		}
		h := op.Add(op.Mul(x, s), g.NamedConst("blocks.0.w:0", onnxgraph.NewTensor([]int{17, 1, 3}, w)))
		h = op.Add(h, op.Cast(g.Const(onnxgraph.Bits16(onnxgraph.Float16, []int{1}, []uint16{0x3e00})), onnxgraph.Float32))
		h = op.Where(g.Const(onnxgraph.NewTensor([]int{3}, []bool{true, false, true})), h, op.Scalar(h, math.Inf(1)))
		h = op.Min(h, op.Cast(g.Const(onnxgraph.NewTensor([]int{1}, []float64{0.1})), onnxgraph.Float32))
		g.Output("softmax gradient", op.SoftmaxGrad(h, h))
		// Functions that take attributes by reference, two nodes each.
		qkv := g.Input("qkv", onnxgraph.Float32, 1, 2, 12)
		g.Output("heads", op.Add(op.Attention(qkv, 1), op.Attention(qkv, 2)))
		one := g.Const(onnxgraph.NewTensor([]int{4}, []float32{1, 1, 1, 1}))
		g.Output("norms", op.Add(op.PMXLayerNorm(op.Attention(qkv, 1), one, one, 1e-5), op.PMXLayerNorm(op.Attention(qkv, 4), one, one, 0.1)))
		g.Output("y", op.ReduceMean(op.Transpose(op.Gemm(op.Reshape(h, -1, 3), op.Reshape(x, 3, -1), nil, false, false), 1, 0), true, 1))
	})
	if err != nil {
		t.Fatal(err)
	}
	text, err := (&onnxgraph.Model{Graph: g, Producer: "pmx", Metadata: map[string]string{"pmx.step": `{"name": "a\b"}`}}).Text(-1)
	if err != nil {
		t.Fatal(err)
	}
	golden.Text(t, "every_kind.onnxtxt", text)
}

// TestTextRoundTrip reads what is printed in full, of random graphs and of the
// sample, which has functions and a header.
func TestTextRoundTrip(t *testing.T) {
	check := func(t tester, m *onnxgraph.Model) {
		t.Helper()
		text, err := m.Text(-1)
		if err != nil {
			t.Fatal(err)
		}
		got, err := onnxgraph.ParseText(text)
		if err != nil {
			t.Fatalf("%v in\n%s", err, text)
		}
		sameModel(t, m, got)
		graph, err := onnxgraph.ParseText(m.Graph.Text(-1))
		if err != nil {
			t.Fatal(err)
		}
		if graph.Graph.Text(-1) != m.Graph.Text(-1) {
			t.Fatalf("the graph alone changed to\n%s", graph.Graph)
		}
	}
	check(t, sampleModel(t))
	rapid.Check(t, func(t *rapid.T) {
		g, _ := drawGraph(t)
		check(t, &onnxgraph.Model{Graph: g, Doc: rapid.String().Draw(t, "doc"), Metadata: map[string]string{"key": rapid.String().Draw(t, "value")}})
	})
}

// TestTextOfValues prints each kind of constant and attribute and reads it back.
func TestTextOfValues(t *testing.T) {
	cases := []struct {
		tensor *onnxgraph.Tensor
		want   string
	}{
		{onnxgraph.ScalarTensor(float32(1)), "float {1}"},
		{onnxgraph.NewTensor([]int{3}, []float32{-0.1, float32(math.Copysign(0, -1)), 1e-45}), "float[3] {-0.1, -0, 1e-45}"},
		{onnxgraph.NewTensor([]int{1, 3}, []float32{float32(math.Inf(1)), float32(math.Inf(-1)), float32(math.NaN())}), "float[1,3] {inf, -inf, nan}"},
		{onnxgraph.ScalarTensor(0.1), "double {0.1}"},
		{onnxgraph.ScalarTensor(math.MaxFloat64), "double {1.7976931348623157e+308}"},
		{onnxgraph.ScalarTensor(int64(math.MinInt64)), "int64 {-9223372036854775808}"},
		{onnxgraph.ScalarTensor(int32(-7)), "int32 {-7}"},
		{onnxgraph.ScalarTensor(int16(-7)), "int16 {-7}"},
		{onnxgraph.ScalarTensor(int8(-128)), "int8 {-128}"},
		{onnxgraph.ScalarTensor(uint8(255)), "uint8 {255}"},
		{onnxgraph.ScalarTensor(uint16(65535)), "uint16 {65535}"},
		{onnxgraph.ScalarTensor(uint32(1 << 31)), "uint32 {2147483648}"},
		{onnxgraph.ScalarTensor(uint64(math.MaxUint64)), "uint64 {18446744073709551615}"},
		{onnxgraph.NewTensor([]int{2}, []bool{true, false}), "bool[2] {1, 0}"},
		{onnxgraph.Bits16(onnxgraph.Float16, []int{1}, []uint16{0x3e00}), "float16[1] {15872}"},
		{onnxgraph.Bits16(onnxgraph.BFloat16, []int{1}, []uint16{0x3fc0}), "bfloat16[1] {16320}"},
		{onnxgraph.Zeros(onnxgraph.Int64, []int{2, 0}), "int64[2,0] {}"},
	}
	for _, c := range cases {
		a := onnxgraph.Attributes{"value": c.tensor}
		if got, want := a.String(), "<value = "+c.want+">"; got != want {
			t.Errorf("%v prints %s, want %s", c.tensor, got, want)
		}
		got := parse(t, "g (float x) => (float y) { y = Neg "+a.String()+" (x) }").Graph.Nodes()[0].Attributes
		if got.String() != a.String() || got["value"].(*onnxgraph.Tensor).DType() != c.tensor.DType() {
			t.Errorf("%s was read as %s", a, got)
		}
	}
	all := onnxgraph.Attributes{
		"f": float32(1), "big": float32(1e20), "nan": float32(math.NaN()), "i": int64(-3), "s": "a \"quoted\\\" é\n\tline, \xff no UTF-8",
		"fs": []float32{1, -0.5}, "is": []int64{1, 2}, "ss": []string{"", "b"}, "no fs": []float32{}, "no_is": []int64{}, "no_ss": []string{},
	}
	const want = `<big = 1e+20, f = 1.0, fs = [1.0, -0.5], i = -3, is = [1, 2], nan = nan, "no fs": floats = [], no_is: ints = [], no_ss: strings = [], s = "a \"quoted\\\" é`
	if got := all.String(); !strings.HasPrefix(got, want) {
		t.Errorf("attributes print\n%s\nwant\n%s", got, want)
	}
	got := parse(t, "g (float x) => (float y) { y = Neg "+all.String()+" (x) }").Graph.Nodes()[0].Attributes
	if got.String() != all.String() || got["s"] != all["s"] || got["no fs"] == nil {
		t.Errorf("%s was read as %s", all, got)
	}
}

// TestTextElides shows large constants by a digest that tells them apart.
func TestTextElides(t *testing.T) {
	text := func(last float32) string {
		data := make([]float32, 17)
		data[16] = last
		g, err := onnxgraph.Build("g", func(g *onnxgraph.Graph) {
			x := g.Input("x", onnxgraph.Float32, 17)
			g.Output("y", op.Add(x, g.NamedConst("w", onnxgraph.NewTensor([]int{17}, data))))
		})
		if err != nil {
			t.Fatal(err)
		}
		return g.String()
	}
	a, b := text(0), text(1)
	if !strings.Contains(a, "   float[17] w = {...17 elements, sha256 ") || a == b {
		t.Errorf("large constants print\n%s and\n%s", a, b)
	}
	_, err := onnxgraph.ParseText(a)
	if err == nil || !strings.Contains(err.Error(), "line 3, column 22: the elements are elided: only text that has all of them can be read") {
		t.Errorf("reading elided text: %v", err)
	}
}

// TestTextNames prints names that are identifiers bare and others in quotes, as
// onnx.parser reads them.
func TestTextNames(t *testing.T) {
	for name, want := range map[string]string{
		"x": "x", "_x1": "_x1", "1x": `"1x"`, "blocks.0": `"blocks.0"`, "a/b:c": `"a/b:c"`, "é": `"é"`, `q"\`: `"q\"\\"`, "a b": `"a b"`,
	} {
		g, err := onnxgraph.Build(name, func(g *onnxgraph.Graph) {
			x := g.Input(name, onnxgraph.Float32, onnxgraph.Dynamic).NameDims(name)
			defer g.Scope(name)()
			g.Output("out", op.Neg(x))
		})
		if err != nil {
			t.Fatal(err)
		}
		got := g.String()
		if !strings.HasPrefix(got, want+" (float["+want+"] "+want+") => (float[?] out)\n") || !strings.Contains(got, " out = Neg ("+want+")") {
			t.Errorf("the name %s prints\n%s", name, got)
		}
		if again := parse(t, got); again.Graph.String() != got {
			t.Errorf("read again:\n%s", again.Graph)
		}
	}
}

func TestParseTextErrors(t *testing.T) {
	cases := []struct{ text, want string }{
		{"", "line 1, column 1: want a name, got the end"},
		{"g", "line 1, column 2: want (, got the end"},
		{"g () => () {}", "the graph has no outputs"},
		{"g (float[2 x) => (float y) {}", `line 1, column 12: want ,, got "x) => (float y) "`},
		{"g (strange x) => (float y) {}", `no tensor has elements of type "strange"`},
		{"g (string x) => (float y) {}", `no tensor has elements of type "string"`},
		{"g (float x) => (float y) { y = Neg (x)", "want a name, got the end"},
		{"g (float x) => (float y) { y = Neg (x) } z", `want a function or the end, got "z"`},
		{"g (float x) => (float y) {\n  y = Neg (x\n}", "line 3, column 1: want ,, got"},
		{"g (float x) => (float y) { y = (x) }", "want an operator"},
		{"g (float x) => (float y) { y = my. (x) }", "want an operator"},
		{"g (float x) => (float y) { y = Neg <a> (x) }", "want =, got"},
		{"g (float x) => (float y) { y = Neg <a = []> (x) }", "the type of the empty list a must be said"},
		{"g (float x) => (float y) { y = Neg <a: graph = 1> (x) }", `attributes of type "graph" are not supported`},
		{"g (float x) => (float y) { y = Neg <a: int = 1.5> (x) }", "attribute a is INT, not FLOAT"},
		{"g (float x) => (float y) { y = Neg <a = [1, 2.5]> (x) }", "attribute a is INTS, not FLOATS"},
		{"g (float x) => (float y) { y = Neg <a = @b> (x) }", "the type of attribute a must be said"},
		{"g (float x) => (float y) { y = Neg <a: int = @b> (x) }", "refers to one of a caller outside a function"},
		{"g (float x) => (float y) { y = Neg <a = 99999999999999999999> (x) }", `"99999999999999999999" is no integer of 64 bits`},
		{"g (float x) => (float y) { y = Neg <a = 1e99> (x) }", `"1e99" is no number`},
		{"g (float x) => (float y) { y = Neg <a = 0x1p3> (x) }", `"0x1p3" is no number`},
		{`g (float x) => (float y) { y = Neg <a = "s> (x) }`, "the string does not end"},
		{"g (float x) => (float y) <float[] w = {1}> { y = Neg (x) }", "a constant needs its dimensions"},
		{"g (float x) => (float y) <float[n] w = {1}> { y = Neg (x) }", "the dimensions of a constant must be numbers"},
		{"g (float x) => (float y) <float[2] w = {1}> { y = Neg (x) }", "initializer w: float[2] needs 2 elements, got 1"},
		{"g (float x) => (float y) <uint8 w = {256}> { y = Neg (x) }", "initializer w: element 0 is 256, out of the range 0 to 255"},
		{"g (float x) => (float y) <int32 w = {4294967296}> { y = Neg (x) }", "4294967296 does not fit"},
		{"g (float x) => (float y) <uint64 w = {-1}> { y = Neg (x) }", `"-1" is no unsigned integer`},
		{`<ir_version: 8, ir_version: 8> g () => () {}`, "ir_version is given twice"},
		{`<color: "red"> g () => () {}`, `a model has no property "color"`},
		{`<opset_import: ["" : 18]> g (float x) => (float y) { y = Neg (x) }`, "it is written for opset 18, pmx runs opset 17"},
		{`g (float x) => (float y) { y = Neg (x) } <size: 3> f (a) => (b) {}`, `a function has no property "size"`},
		{"g (float x) => (float y) { y = NoSuch (x) }", "operators that pmx does not run: NoSuch"},
	}
	for _, c := range cases {
		_, err := onnxgraph.ParseText(c.text)
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") || !strings.HasPrefix(err.Error(), "onnxgraph: text: ") {
			t.Errorf("%q gave\n %v\nwant\n %s", c.text, err, c.want)
		}
	}
}

// TestParseOtherForms reads what other printers of the syntax write.
func TestParseOtherForms(t *testing.T) {
	m := parse(t, `
		# a comment
		<ir_version: 10, opset_import: ["" : 17, "ai.onnx.ml" : 3], producer_name: "p", domain: "d", model_version: 2>
		g (float[N,?,3] x) => (float[] y)
		<float w = {1}, int64[2] axes = {1,2}>
		{
		   a = Add (x, w)
		   b = ReduceSum (a, axes) <keepdims: int = 0>   # attributes last
		   y = SoftmaxGrad <axis: int = -1> (b, b)
		}
		<domain: "", opset_import: ["" : 17], doc_string: "unused"> SoftmaxGrad <axis, more: ints = [1]> (a, b) => (c) { c = Neg (a) }`)
	const want = `g (float[N,?,3] x) => (float[?] y)
<
   float w = {1},
   int64[2] axes = {1, 2}
>
{
   a = Add (x, w)
   b = ReduceSum <keepdims = 0> (a, axes)
   ["y/c"] y = Neg (b)
}
`
	if got := m.Graph.String(); got != want {
		t.Errorf("read\n%s\nwant\n%s", got, want)
	}
}
