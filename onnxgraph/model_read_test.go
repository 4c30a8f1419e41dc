package onnxgraph_test

import (
	"bytes"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"pmx/internal/onnxpb"
	"pmx/onnxgraph"
)

// sampleMessage is the decoded file of sampleModel, for tests to change.
func sampleMessage(t tester) *onnxpb.ModelProto {
	t.Helper()
	data, err := sampleModel(t).Marshal()
	if err != nil {
		t.Fatal(err)
	}
	m := &onnxpb.ModelProto{}
	if err := proto.Unmarshal(data, m); err != nil {
		t.Fatal(err)
	}
	return m
}

func encoded(t tester, m proto.Message) []byte {
	t.Helper()
	data, err := proto.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// parse reads a graph or model in text, which must be right.
func parse(t tester, text string) *onnxgraph.Model {
	t.Helper()
	m, err := onnxgraph.ParseText(text)
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	return m
}

// sameModel fails unless both models write the same bytes and print the same.
func sameModel(t tester, want, got *onnxgraph.Model) {
	t.Helper()
	if want.String() != got.String() {
		t.Fatalf("the model changed from\n%s\nto\n%s", want, got)
	}
	a, errA := want.Marshal()
	b, errB := got.Marshal()
	if errA != nil || errB != nil {
		t.Fatal(errA, errB)
	}
	if !bytes.Equal(a, b) {
		t.Fatal("the model writes other bytes than before")
	}
}

func TestReadModelRoundTrip(t *testing.T) {
	want := sampleModel(t)
	data, err := want.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	got, err := onnxgraph.ReadModel(data)
	if err != nil {
		t.Fatal(err)
	}
	sameModel(t, want, got)
	if got.Producer != "pmx" || got.ProducerVersion != "1.2" || got.Doc != "a sample" || got.Metadata["author"] != "Zoë" {
		t.Errorf("the header is now %+v", got)
	}
	if names := got.Graph.Inputs()[0].DimNames(); len(names) != 2 || names[0] != "batch" || names[1] != "" {
		t.Errorf("dimension names of x: %q", names)
	}
}

func TestReadModelFileRoundTrip(t *testing.T) {
	for name, above := range map[string]int64{"inline": 1 << 20, "external": 0} {
		t.Run(name, func(t *testing.T) {
			want := sampleModel(t)
			path := filepath.Join(t.TempDir(), "m.onnx")
			if err := want.WriteFileSplit(path, above); err != nil {
				t.Fatal(err)
			}
			got, err := onnxgraph.ReadModelFile(path)
			if err != nil {
				t.Fatal(err)
			}
			sameModel(t, want, got)
			a, errA := want.Digest()
			b, errB := got.Digest()
			if errA != nil || errB != nil || a != b {
				t.Errorf("digests %s and %s (%v, %v)", a, b, errA, errB)
			}
		})
	}
}

// TestReadModelEvaluates runs a model that was read and compares with the graph
// that was written.
func TestReadModelEvaluates(t *testing.T) {
	m := sampleModel(t)
	data, err := m.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	read, err := onnxgraph.ReadModel(data)
	if err != nil {
		t.Fatal(err)
	}
	feeds := map[string]*onnxgraph.Tensor{
		"x": onnxgraph.NewTensor([]int{4, 3}, []float32{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}),
		"y": onnxgraph.NewTensor([]int{2, 3}, []float32{.1, .2, .7, .3, .3, .4}),
	}
	sameOutputs(t, m.Graph, read.Graph, feeds, 0)
}

// sameOutputs evaluates both graphs and fails where an output differs by more
// than tolerance, relative to the larger of 1 and the value.
func sameOutputs(t tester, want, got *onnxgraph.Graph, feeds map[string]*onnxgraph.Tensor, tolerance float64) {
	t.Helper()
	a, err := onnxgraph.Eval(want, feeds)
	if err != nil {
		t.Fatal(err)
	}
	b, err := onnxgraph.Eval(got, feeds)
	if err != nil {
		t.Fatal(err)
	}
	if len(a) != len(b) {
		t.Fatalf("%d outputs, want %d", len(b), len(a))
	}
	for name, x := range a {
		y := b[name]
		if y == nil || !x.Shape().Equal(y.Shape()) {
			t.Fatalf("output %s is %v, want %v", name, y, x)
		}
		u, v := x.Float64s(), y.Float64s()
		for i := range u {
			if d := math.Abs(u[i] - v[i]); !(d <= tolerance*math.Max(1, math.Abs(u[i]))) && u[i] != v[i] && !(math.IsNaN(u[i]) && math.IsNaN(v[i])) {
				t.Fatalf("output %s[%d] is %v, want %v", name, i, v[i], u[i])
			}
		}
	}
}

// TestReadModelErrors changes one thing of a good file at a time.
func TestReadModelErrors(t *testing.T) {
	node := func(m *onnxpb.ModelProto, op string) *onnxpb.NodeProto {
		for _, n := range m.Graph.Node {
			if n.GetOpType() == op {
				return n
			}
		}
		t.Fatalf("the sample has no %s", op)
		return nil
	}
	cases := []struct {
		name   string
		change func(m *onnxpb.ModelProto)
		want   string
	}{
		{"no graph", func(m *onnxpb.ModelProto) { m.Graph = nil }, "it holds no graph"},
		{"older opset", func(m *onnxpb.ModelProto) { m.OpsetImport[0].Version = proto.Int64(13) },
			"it is written for opset 13, pmx runs opset 17: convert it with onnx.version_converter"},
		{"newer microsoft", func(m *onnxpb.ModelProto) { m.OpsetImport[1].Version = proto.Int64(2) }, "version 2 of operator set com.microsoft"},
		{"no opset", func(m *onnxpb.ModelProto) { m.OpsetImport = nil }, "does not say which opset"},
		{"unknown operators", func(m *onnxpb.ModelProto) {
			node(m, "Exp").OpType = proto.String("Loop")
			node(m, "Mul").Domain = proto.String("org.other")
		}, "operators that pmx does not run: Loop, org.other.Mul"},
		{"unsorted", func(m *onnxpb.ModelProto) { m.Graph.Node[2], m.Graph.Node[3] = m.Graph.Node[3], m.Graph.Node[2] },
			`node head/SoftmaxGrad_13_1 (com.microsoft.SoftmaxGrad_13): it reads head/Exp, which nothing before it computes`},
		{"cycle", func(m *onnxpb.ModelProto) { node(m, "Exp").Input[0] = "wide" }, `it reads wide, which nothing before it computes`},
		{"unknown input", func(m *onnxpb.ModelProto) { node(m, "Add").Input[1] = "nobody" }, `node head/Add (Add): it reads nobody`},
		{"input twice", func(m *onnxpb.ModelProto) { m.Graph.Input[1].Name = proto.String("x") }, "input x: the name x is taken"},
		{"value twice", func(m *onnxpb.ModelProto) { node(m, "Mul").Output[0] = "sum" }, `node head/Mul (Mul): the name sum is taken`},
		{"constant twice", func(m *onnxpb.ModelProto) { m.Graph.Initializer[1].Name = m.Graph.Initializer[0].Name },
			`initializer blocks.0/weight: the name blocks.0/weight is taken`},
		{"output twice", func(m *onnxpb.ModelProto) { m.Graph.Output[1] = m.Graph.Output[0] }, "output sum: it is listed twice"},
		{"output missing", func(m *onnxpb.ModelProto) { m.Graph.Output[0].Name = proto.String("nothing") }, "output nothing: nothing computes it"},
		{"output is an input", func(m *onnxpb.ModelProto) { m.Graph.Output[0].Name = proto.String("x") }, "pass it on by Identity"},
		{"no outputs", func(m *onnxpb.ModelProto) { m.Graph.Output = nil }, "the graph has no outputs"},
		{"wrong output type", func(m *onnxpb.ModelProto) { m.Graph.Output[1].Type.GetTensorType().ElemType = proto.Int32(7) },
			"output grad: it is declared as int64[2 3] and is float[2 3]"},
		{"wrong output shape", func(m *onnxpb.ModelProto) {
			m.Graph.Output[1].Type.GetTensorType().Shape.Dim[0].Value = &onnxpb.TensorShapeProto_Dimension_DimValue{DimValue: 9}
		}, "output grad: it is declared as float[9 3] and is float[2 3]"},
		{"sequence input", func(m *onnxpb.ModelProto) {
			m.Graph.Input[0].Type.Value = &onnxpb.TypeProto_SequenceType{SequenceType: &onnxpb.TypeProto_Sequence{}}
		}, "input x: only tensors are supported, it is a sequence"},
		{"input without a shape", func(m *onnxpb.ModelProto) { m.Graph.Input[0].Type.GetTensorType().Shape = nil },
			"input x: its number of dimensions is not known"},
		{"string input", func(m *onnxpb.ModelProto) { m.Graph.Input[0].Type.GetTensorType().ElemType = proto.Int32(8) },
			"input x: elements of type string are not supported"},
		{"huge input", func(m *onnxpb.ModelProto) {
			for _, dim := range m.Graph.Input[1].Type.GetTensorType().Shape.Dim {
				dim.Value = &onnxpb.TensorShapeProto_Dimension_DimValue{DimValue: 1 << 40}
			}
		}, "has more than"},
		{"negative dimension", func(m *onnxpb.ModelProto) {
			m.Graph.Input[1].Type.GetTensorType().Shape.Dim[0].Value = &onnxpb.TensorShapeProto_Dimension_DimValue{DimValue: -2}
		}, "input y: dimension -2 is negative"},
		{"misfit", func(m *onnxpb.ModelProto) {
			m.Graph.Initializer[1].Dims[0] = 2
			m.Graph.Initializer[1].RawData = make([]byte, 8)
		},
			`node head/Add (Add): shapes [? 3] and [2] do not broadcast`},
		{"short data", func(m *onnxpb.ModelProto) { m.Graph.Initializer[0].RawData = make([]byte, 7) },
			`initializer blocks.0/weight: float[512 1 3] needs 6144 bytes, got 7`},
		{"huge tensor", func(m *onnxpb.ModelProto) { m.Graph.Initializer[1].Dims[0] = 1 << 39 }, "initializer bias: float[549755813888] needs"},
		{"overflowing tensor", func(m *onnxpb.ModelProto) { m.Graph.Initializer[1].Dims = []int64{1 << 32, 1 << 32} }, "has more than"},
		{"sparse", func(m *onnxpb.ModelProto) { m.Graph.SparseInitializer = []*onnxpb.SparseTensorProto{{}} }, "sparse initializers"},
		{"data elsewhere", func(m *onnxpb.ModelProto) { m.Graph.Initializer[0].DataLocation = onnxpb.TensorProto_EXTERNAL.Enum() },
			"its data is in more than one place"},
		{"too many inputs", func(m *onnxpb.ModelProto) { n := node(m, "Exp"); n.Input = append(n.Input, "y") }, "(Exp): takes inputs"},
		{"too many outputs", func(m *onnxpb.ModelProto) { n := node(m, "Exp"); n.Output = append(n.Output, "more") },
			"it has 1 outputs, the file lists 2"},
		{"attribute twice", func(m *onnxpb.ModelProto) {
			n := node(m, "ReduceSum")
			n.Attribute = append(n.Attribute, n.Attribute[0])
		},
			`the name of attribute keepdims is empty, taken`},
		{"graph attribute", func(m *onnxpb.ModelProto) {
			node(m, "ReduceSum").Attribute[0].Type = onnxpb.AttributeProto_GRAPH.Enum()
		}, "attribute keepdims: attributes of type GRAPH are not supported"},
		{"caller's attribute", func(m *onnxpb.ModelProto) { node(m, "ReduceSum").Attribute[0].RefAttrName = proto.String("k") },
			"attribute keepdims refers to one of a caller outside a function"},
		{"name not text", func(m *onnxpb.ModelProto) { node(m, "Exp").Output[0] = "\xff" }, `the name "\xff" is not UTF-8`},
		{"metadata twice", func(m *onnxpb.ModelProto) { m.MetadataProps[1].Key = m.MetadataProps[0].Key }, `metadata property "author" is given twice`},
		{"function twice", func(m *onnxpb.ModelProto) { m.Functions = append(m.Functions, m.Functions[0]) },
			"function com.microsoft.SoftmaxGrad_13 is defined twice"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			m := sampleMessage(t)
			c.change(m)
			_, err := onnxgraph.ReadModel(encoded(t, m))
			switch {
			case err == nil:
				t.Fatalf("the model is accepted, want %q", c.want)
			case !strings.Contains(err.Error(), c.want):
				t.Errorf("the error is\n %v\nwant\n %s", err, c.want)
			case strings.Contains(err.Error(), "\n") || !strings.HasPrefix(err.Error(), "onnxgraph: model: "):
				t.Errorf("not one line that begins with the package: %q", err)
			}
		})
	}
	for _, data := range []string{"", "\x00", "not a model at all", "\x3a\xff\xff\xff\xff\x0f"} {
		if _, err := onnxgraph.ReadModel([]byte(data)); err == nil {
			t.Errorf("the bytes %q are accepted", data)
		}
	}
}

// TestReadOtherTypes names the type of an input that is no tensor.
func TestReadOtherTypes(t *testing.T) {
	for want, kind := range map[string]*onnxpb.TypeProto{
		"a map":           {Value: &onnxpb.TypeProto_MapType{}},
		"an optional":     {Value: &onnxpb.TypeProto_OptionalType{}},
		"a sparse tensor": {Value: &onnxpb.TypeProto_SparseTensorType{}},
		"opaque":          {Value: &onnxpb.TypeProto_OpaqueType{}},
		"of no type":      nil,
	} {
		m := sampleMessage(t)
		m.Graph.Input[0].Type = kind
		_, err := onnxgraph.ReadModel(encoded(t, m))
		if err == nil || !strings.Contains(err.Error(), "input x: only tensors are supported, it is "+want) {
			t.Errorf("%s: %v", want, err)
		}
	}
}

// TestInferredSizesAreBounded: every shape that these files declare is small
// enough, what follows from them has more elements than an int counts.
func TestInferredSizesAreBounded(t *testing.T) {
	for name, text := range map[string]string{
		"broadcast": `(float[1099511627776,1] x, float[1,1099511627776] y) => (float[?,?] z) { z = Add (x, y) }`,
		"fill":      `() => (float[?,?] z) <int64[2] n = {4294967296, 4294967296}> { z = ConstantOfShape (n) }`,
		"expand":    `(float[1,1] x) => (float[?,?] z) <int64[2] n = {4294967296, 4294967296}> { z = Expand (x, n) }`,
		"tile":      `(float[2,2] x) => (float[?,?] z) <int64[2] n = {4294967296, 4294967296}> { z = Tile (x, n) }`,
		"unnamed":   `(float[n,1099511627776,1] x, float[1,1,1099511627776] y) => (float[?,?,?] z) { a = Mul (x, y) z = Neg (a) }`,
	} {
		_, err := onnxgraph.ParseText("<ir_version: 8, opset_import: [\"\" : 17]>\ng " + text)
		if err == nil || !strings.Contains(err.Error(), "its output would be too large: shape [") {
			t.Errorf("%s: %v", name, err)
		}
	}
	const most = `(float[1048576,1] x, float[1,1048576] y) => (float[?,?] z) { z = Add (x, y) }`
	if _, err := onnxgraph.ParseText("<ir_version: 8, opset_import: [\"\" : 17]>\ng " + most); err != nil {
		t.Error(err)
	}
}

func TestAnyOpset(t *testing.T) {
	m := sampleMessage(t)
	m.OpsetImport[0].Version = proto.Int64(13)
	if _, err := (onnxgraph.ReadOptions{AnyOpset: true}).ReadModel(encoded(t, m)); err != nil {
		t.Error(err)
	}
}

// TestReadWeightsListedAsInputs reads the form of IR version 3, in which each
// initializer is an input too.
func TestReadWeightsListedAsInputs(t *testing.T) {
	m := sampleMessage(t)
	bias := m.Graph.Initializer[1]
	m.Graph.Input = append(m.Graph.Input, &onnxpb.ValueInfoProto{Name: bias.Name, Type: &onnxpb.TypeProto{
		Value: &onnxpb.TypeProto_TensorType{TensorType: &onnxpb.TypeProto_Tensor{
			ElemType: proto.Int32(1), Shape: &onnxpb.TensorShapeProto{Dim: []*onnxpb.TensorShapeProto_Dimension{{
				Value: &onnxpb.TensorShapeProto_Dimension_DimValue{DimValue: 3},
			}}},
		}},
	}})
	got, err := onnxgraph.ReadModel(encoded(t, m))
	if err != nil {
		t.Fatal(err)
	}
	sameModel(t, sampleModel(t), got)
	m.Graph.Input[2].Type.GetTensorType().ElemType = proto.Int32(11)
	if _, err := onnxgraph.ReadModel(encoded(t, m)); err == nil || !strings.Contains(err.Error(), "input bias: it is declared as double[3] and is float[3]") {
		t.Errorf("another type than the initializer's: %v", err)
	}
}

// TestReadConstantNodes reads each kind of Constant.
func TestReadConstantNodes(t *testing.T) {
	m := parse(t, `g (float[2] x) => (float[2] y) {
		a = Constant <value = float[2] {1, 2}> ()
		b = Constant <value_float = 3.0> ()
		c = Constant <value_floats = [4.0, 5.0]> ()
		n = Constant <value_ints = [2]> ()
		ab = Add (a, b)
		abc = Mul (ab, c)
		w = Reshape (abc, n)
		y = Add (x, w)
	}`)
	if n := len(m.Graph.Constants()); n != 4 {
		t.Errorf("%d constants, want 4", n)
	}
	out, err := onnxgraph.Eval(m.Graph, map[string]*onnxgraph.Tensor{"x": onnxgraph.NewTensor([]int{2}, []float32{10, 20})})
	if err != nil {
		t.Fatal(err)
	}
	if y := out["y"].Float64s(); y[0] != 26 || y[1] != 45 {
		t.Errorf("y = %v, want [26 45]", y)
	}
	for _, bad := range []string{`<value_string = "s">`, `<value = 1>`, `<value_int = 1, value_float = 1.0>`, ``} {
		if _, err := onnxgraph.ParseText(`g (float x) => (float y) { c = Constant ` + bad + ` () y = Add (x, c) }`); err == nil {
			t.Errorf("Constant %s is accepted", bad)
		}
	}
}

// TestInlineFunctionsOnRead reads functions that call each other, take an
// attribute of the caller, have a default, do without an optional input and
// pass an input on.
func TestInlineFunctionsOnRead(t *testing.T) {
	const functions = `
		<domain: "my", opset_import: ["" : 17]>
		Scaled <power, keep: int = 0> (a, b, unused) => (r, again, passed)
		{
			k = Constant <value_float: float = @power> ()
			m = Mul (a, k)
			r = my.Inner (m, b)
			s = Neg (r)
			again = ReduceSum <keepdims: int = @keep> (s)
			passed = Identity (b)
		}
		<domain: "my", opset_import: ["" : 17]>
		Inner (p, q) => (o)
		{
			t = Exp (p)
			o = Add (t, q)
		}`
	m := parse(t, `<ir_version: 8, opset_import: ["" : 17, "my" : 3]>
		g (float[2] x, float[2] y) => (float[2] r, float again, float[2] twice)
		{
			[call] r, again = my.Scaled <power = 2.0> (x, y)
			[call] twice, "", p = my.Scaled <power = 1.0, keep = 1> (r, y, x)
		}`+functions)
	names := []string{}
	for _, n := range m.Graph.Nodes() {
		names = append(names, n.Name)
	}
	want := "call/m call/r/t call/r/o call/s call/again call/passed call_1/m call_1/r/t call_1/r/o call_1/s call_1/again call_1/passed"
	if got := strings.Join(names, " "); got != want {
		t.Errorf("nodes\n %s\nwant\n %s", got, want)
	}
	out, err := onnxgraph.Eval(m.Graph, map[string]*onnxgraph.Tensor{
		"x": onnxgraph.NewTensor([]int{2}, []float64{0.5, 1}), "y": onnxgraph.NewTensor([]int{2}, []float64{3, 4}),
	})
	if err != nil {
		t.Fatal(err)
	}
	r := []float64{math.E + 3, math.Exp(2) + 4}
	for i := range r {
		if got := out["r"].Float64s()[i]; math.Abs(got-r[i]) > 1e-12 {
			t.Errorf("r[%d] = %v, want %v", i, got, r[i])
		}
		if got, want := out["twice"].Float64s()[i], math.Exp(r[i])+3+float64(i); math.Abs(got-want) > 1e-9*want {
			t.Errorf("twice[%d] = %v, want %v", i, got, want)
		}
	}
	if got := out["again"].Float64s()[0]; math.Abs(got+r[0]+r[1]) > 1e-12 {
		t.Errorf("again = %v, want %v", got, -r[0]-r[1])
	}

	for _, c := range []struct{ call, want string }{
		{`r = my.Scaled <power = 2> (x, y)`, "attribute value_float is FLOAT, the caller's power is INT"},
		{`r = my.Scaled (x, y)`, `node 0 (my.Scaled): node 0 (Constant): want one attribute and one output`},
		{`r = my.Scaled <power = 2.0> (x)`, "node 2 (my.Inner): node 1 (Add): takes inputs [A B], got 1"},
		{`r = my.Scaled <power = 2.0> (x, y, x, y)`, "it has 4 inputs and 1 outputs, the function has 3 and 3"},
		{`r, a, b, c = my.Scaled <power = 2.0> (x, y)`, "it has 2 inputs and 4 outputs, the function has 3 and 3"},
	} {
		_, err := onnxgraph.ParseText(`<ir_version: 8, opset_import: ["" : 17]> g (float[2] x, float[2] y) => (float[2] r) { ` + c.call + ` }` + functions)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s gave\n %v\nwant\n %s", c.call, err, c.want)
		}
	}
}

// TestFunctionsWithoutEnd refuses recursion, and functions that grow
// without bounds as they are inlined.
func TestFunctionsWithoutEnd(t *testing.T) {
	const head = `<ir_version: 8, opset_import: ["" : 17]> g (float x) => (float y) { y = my.F0 (x) }`
	function := func(i int, body string) string {
		return fmt.Sprintf("<domain: \"my\", opset_import: [\"\" : 17]> F%d (a) => (b) { %s }\n", i, body)
	}
	_, err := onnxgraph.ParseText(head + function(0, "b = my.F1 (a)") + function(1, "b = my.F0 (a)"))
	if err == nil || !strings.Contains(err.Error(), "calls itself") {
		t.Errorf("recursion: %v", err)
	}
	chain := func(op string) string { // 40 nodes, one after the other
		text, last := "", "a"
		for i := range 39 {
			text += fmt.Sprintf("v%d = %s (%s) ", i, op, last)
			last = fmt.Sprintf("v%d", i)
		}
		return text + fmt.Sprintf("b = %s (%s)", op, last)
	}
	nested := head + function(0, chain("my.F1")) + function(1, chain("Neg")) // 1 + 40 + 1600 nodes
	if _, err := (onnxgraph.ReadOptions{MaxNodes: 1641}).ParseText(nested); err != nil {
		t.Errorf("1641 nodes: %v", err)
	}
	_, err = onnxgraph.ReadOptions{MaxNodes: 1640}.ParseText(nested)
	if err == nil || !strings.Contains(err.Error(), "more than 1640 nodes") {
		t.Errorf("1641 nodes of 1640: %v", err)
	}
	long, many := strings.Repeat("n", 1<<20), ""
	for i := range 200 {
		many += fmt.Sprintf("c%d = Neg (a) ", i)
	}
	_, err = onnxgraph.ParseText(fmt.Sprintf(`<ir_version: 8, opset_import: ["" : 17]> g (float x) => (float y) { [%s] y = my.F0 (x) }`, long) +
		function(0, many+"b = Neg (a)"))
	if err == nil || !strings.Contains(err.Error(), "names of inlined nodes are longer") {
		t.Errorf("long names: %v", err)
	}
	text := head
	for i := range 100 {
		text += function(i, fmt.Sprintf("b = my.F%d (a)", i+1))
	}
	_, err = onnxgraph.ParseText(text + function(100, "b = Neg (a)"))
	if err == nil || !strings.Contains(err.Error(), "more than 32 deep") {
		t.Errorf("100 levels: %v", err)
	}
}

// TestExternalDataErrors points the weight of a split model at wrong places.
func TestExternalDataErrors(t *testing.T) {
	cases := []struct{ name, key, value, want string }{
		{"absolute", "location", "/etc/passwd", "not a path below the model's folder"},
		{"parent", "location", "../m.onnx.data", "not a path below the model's folder"},
		{"inner parent", "location", "a/../../m.onnx.data", "not a path below the model's folder"},
		{"empty", "location", "", "not a path below the model's folder"},
		{"missing", "location", "other.data", "its data is missing"},
		{"folder", "location", ".", "is not a regular file"},
		{"negative offset", "offset", "-8", "no number of bytes"},
		{"offset of words", "offset", "eight", "no number of bytes"},
		{"past the end", "offset", "1", "its data is at bytes 1 to 6145 of m.onnx.data, which has 6144"},
		{"far past the end", "offset", "9223372036854775807", "of m.onnx.data, which has 6144"},
		{"too short", "length", "6140", "float[512 1 3] needs 6144 bytes, its file has 6140 for it"},
		{"huge", "length", "9223372036854775807", "of m.onnx.data, which has 6144"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "m.onnx")
			if err := sampleModel(t).WriteFileSplit(path, 0); err != nil {
				t.Fatal(err)
			}
			data, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			m := &onnxpb.ModelProto{}
			if err := proto.Unmarshal(data, m); err != nil {
				t.Fatal(err)
			}
			for _, e := range m.Graph.Initializer[0].ExternalData {
				if e.GetKey() == c.key {
					e.Value = proto.String(c.value)
				}
			}
			if err := os.WriteFile(path, encoded(t, m), 0o644); err != nil {
				t.Fatal(err)
			}
			_, err = onnxgraph.ReadModelFile(path)
			if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), `initializer blocks.0/weight`) {
				t.Errorf("the error is\n %v\nwant\n %s", err, c.want)
			}
		})
	}
	path := filepath.Join(t.TempDir(), "m.onnx")
	if err := sampleModel(t).WriteFileSplit(path, 0); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := onnxgraph.ReadModel(data); err == nil || !strings.Contains(err.Error(), "read the model from its file") {
		t.Errorf("bytes of a split model: %v", err)
	}
	if _, err := onnxgraph.ReadModelFile(t.TempDir()); err == nil || !strings.Contains(err.Error(), "not a regular file") {
		t.Errorf("a folder as a model: %v", err)
	}
}

func TestTensorFromProtoBytes(t *testing.T) {
	raw := func(dtype onnxpb.TensorProto_DataType, dims []int64, data ...byte) *onnxpb.TensorProto {
		return &onnxpb.TensorProto{DataType: proto.Int32(int32(dtype)), Dims: dims, RawData: data}
	}
	good := []struct {
		name string
		in   *onnxpb.TensorProto
		want []float64
	}{
		{"float", &onnxpb.TensorProto{DataType: proto.Int32(1), Dims: []int64{2}, FloatData: []float32{1, -2}}, []float64{1, -2}},
		{"double", &onnxpb.TensorProto{DataType: proto.Int32(11), Dims: []int64{1}, DoubleData: []float64{.1}}, []float64{.1}},
		{"scalar", &onnxpb.TensorProto{DataType: proto.Int32(7), Int64Data: []int64{-5}}, []float64{-5}},
		{"empty", &onnxpb.TensorProto{DataType: proto.Int32(7), Dims: []int64{3, 0}}, nil},
		{"uint8", &onnxpb.TensorProto{DataType: proto.Int32(2), Dims: []int64{1}, Int32Data: []int32{255}}, []float64{255}},
		{"int8", &onnxpb.TensorProto{DataType: proto.Int32(3), Dims: []int64{1}, Int32Data: []int32{-128}}, []float64{-128}},
		{"uint16", &onnxpb.TensorProto{DataType: proto.Int32(4), Dims: []int64{1}, Int32Data: []int32{65535}}, []float64{65535}},
		{"int16", &onnxpb.TensorProto{DataType: proto.Int32(5), Dims: []int64{1}, Int32Data: []int32{-32768}}, []float64{-32768}},
		{"int32", &onnxpb.TensorProto{DataType: proto.Int32(6), Dims: []int64{1}, Int32Data: []int32{-7}}, []float64{-7}},
		{"uint32", &onnxpb.TensorProto{DataType: proto.Int32(12), Dims: []int64{1}, Uint64Data: []uint64{1<<32 - 1}}, []float64{1<<32 - 1}},
		{"uint64", &onnxpb.TensorProto{DataType: proto.Int32(13), Dims: []int64{1}, Uint64Data: []uint64{1 << 63}}, []float64{1 << 63}},
		{"bool", &onnxpb.TensorProto{DataType: proto.Int32(9), Dims: []int64{2}, Int32Data: []int32{0, 7}}, []float64{0, 1}},
		{"float16", &onnxpb.TensorProto{DataType: proto.Int32(10), Dims: []int64{1}, Int32Data: []int32{0x3e00}}, []float64{1.5}},
		{"bfloat16", &onnxpb.TensorProto{DataType: proto.Int32(16), Dims: []int64{1}, Int32Data: []int32{0x3fc0}}, []float64{1.5}},
		{"raw int16", raw(onnxpb.TensorProto_INT16, []int64{2}, 1, 0, 255, 255), []float64{1, -1}},
		{"raw bool", raw(onnxpb.TensorProto_BOOL, []int64{2}, 0, 3), []float64{0, 1}},
		{"raw float16", raw(onnxpb.TensorProto_FLOAT16, []int64{1}, 0, 0xc0), []float64{-2}},
	}
	for _, c := range good {
		t.Run(c.name, func(t *testing.T) {
			got, err := onnxgraph.TensorFromProtoBytes(encoded(t, c.in))
			if err != nil {
				t.Fatal(err)
			}
			if fmt.Sprint(got.Float64s()) != fmt.Sprint(c.want) || fmt.Sprint(got.Shape().Int64()) != fmt.Sprint(c.in.Dims) {
				t.Errorf("%v %v, want %v of shape %v", got, got.Float64s(), c.want, c.in.Dims)
			}
		})
	}
	bad := []struct {
		want string
		in   *onnxpb.TensorProto
	}{
		{"elements of type string", &onnxpb.TensorProto{DataType: proto.Int32(8), StringData: [][]byte{nil}}},
		{"elements of type dtype(17)", raw(17, []int64{1}, 0)},
		{"float[2] needs 2 elements, got 1", &onnxpb.TensorProto{DataType: proto.Int32(1), Dims: []int64{2}, FloatData: []float32{1}}},
		{"float[] needs 1 elements, got 0", &onnxpb.TensorProto{DataType: proto.Int32(1)}},
		{"do not belong in int64_data", &onnxpb.TensorProto{DataType: proto.Int32(1), Int64Data: []int64{1}}},
		{"more than one place", &onnxpb.TensorProto{DataType: proto.Int32(1), FloatData: []float32{1}, RawData: make([]byte, 4)}},
		{"element 0 is 256, out of the range 0 to 255", &onnxpb.TensorProto{DataType: proto.Int32(2), Int32Data: []int32{256}}},
		{"element 0 is -129", &onnxpb.TensorProto{DataType: proto.Int32(3), Int32Data: []int32{-129}}},
		{"out of the range 0 to 4294967295", &onnxpb.TensorProto{DataType: proto.Int32(12), Uint64Data: []uint64{1 << 32}}},
		{"out of the range 0 to 4294967295", &onnxpb.TensorProto{DataType: proto.Int32(12), Uint64Data: []uint64{1 << 63}}},
		{"dimension -1 is negative", raw(onnxpb.TensorProto_FLOAT, []int64{-1})},
		{"segment", &onnxpb.TensorProto{DataType: proto.Int32(1), FloatData: []float32{1}, Segment: &onnxpb.TensorProto_Segment{}}},
		{"another file", &onnxpb.TensorProto{DataType: proto.Int32(1), DataLocation: onnxpb.TensorProto_EXTERNAL.Enum()}},
	}
	for _, c := range bad {
		if _, err := onnxgraph.TensorFromProtoBytes(encoded(t, c.in)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("the error is %v, want %s", err, c.want)
		}
	}
}
