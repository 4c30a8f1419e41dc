package onnxgraph_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"pmx/internal/onnxpb"
	"pmx/onnxgraph"
	"pmx/onnxgraph/op"
)

// sampleModel calls two functions, one of them from the other's body as well,
// and holds constants of several types, named and unnamed dimensions.
func sampleModel(t tester) *onnxgraph.Model {
	t.Helper()
	g, err := onnxgraph.Build("sample", func(g *onnxgraph.Graph) {
		x := g.Input("x", onnxgraph.Float32, onnxgraph.Dynamic, 3).NameDims("batch", "")
		y := g.Input("y", onnxgraph.Float32, 2, 3)
		w := make([]float32, 512*3)
		for i := range w {
			w[i] = float32(i) / 512
		}
		weight := g.NamedConst("blocks.0/weight", onnxgraph.NewTensor([]int{512, 1, 3}, w))
		defer g.Scope("head")()
		sum := op.Add(x, g.NamedConst("bias", onnxgraph.NewTensor([]int{3}, []float32{1, -2, 0.1})))
		grad := op.SoftmaxGrad(y, y)
		g.Output("sum", sum)
		g.Output("grad", grad)
		g.Output("wide", op.ReduceSum(op.Mul(op.SoftmaxGrad(op.Exp(y), y), weight), false, 0))
	})
	if err != nil {
		t.Fatal(err)
	}
	return &onnxgraph.Model{Graph: g, Producer: "pmx", ProducerVersion: "1.2", Doc: "a sample",
		Metadata: map[string]string{"pmx.step": "{}", "author": "Zoë"}}
}

func TestMarshalMessage(t *testing.T) {
	m := sampleModel(t)
	data, err := m.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	message := &onnxpb.ModelProto{}
	if err := proto.Unmarshal(data, message); err != nil {
		t.Fatal(err)
	}
	if v := message.GetIrVersion(); v != 9 {
		t.Errorf("IR version %d, want 9", v)
	}
	var sets []string
	for _, o := range message.OpsetImport {
		sets = append(sets, fmt.Sprintf("%s:%d", o.GetDomain(), o.GetVersion()))
	}
	if got := strings.Join(sets, " "); got != ":17 com.microsoft:1" {
		t.Errorf("operator sets %q", got)
	}
	var props []string
	for _, p := range message.MetadataProps {
		props = append(props, p.GetKey()+"="+p.GetValue())
	}
	if got := strings.Join(props, " "); got != "author=Zoë pmx.step={}" {
		t.Errorf("metadata %q", got)
	}
	if dims := message.Graph.Input[0].Type.GetTensorType().Shape.Dim; dims[0].GetDimParam() != "batch" || dims[1].GetDimValue() != 3 {
		t.Errorf("dimensions of x: %v", dims)
	}
	if dim := message.Graph.Output[0].Type.GetTensorType().Shape.Dim[0]; dim.Value != nil {
		t.Errorf("the unnamed dynamic dimension of sum is %v", dim)
	}
	names := map[string]bool{}
	for _, n := range message.Graph.Node {
		if names[n.GetName()] {
			t.Errorf("two nodes are called %s", n.GetName())
		}
		names[n.GetName()] = true
	}
	for _, init := range message.Graph.Initializer {
		if len(init.RawData) == 0 || len(init.FloatData) > 0 {
			t.Errorf("initializer %s is not in raw_data", init.GetName())
		}
	}
	if len(message.Functions) != 1 {
		t.Fatalf("%d functions, want SoftmaxGrad_13 once", len(message.Functions))
	}
	f := message.Functions[0]
	if f.GetDomain() != "com.microsoft" || f.GetName() != "SoftmaxGrad_13" ||
		strings.Join(f.Input, " ") != "dY Y" || strings.Join(f.Output, " ") != "dX" || len(f.Attribute) != 0 ||
		len(f.AttributeProto) != 1 || f.AttributeProto[0].GetName() != "axis" || f.AttributeProto[0].GetI() != -1 {
		t.Errorf("function %s.%s(%v) -> %v <%v, %v>", f.GetDomain(), f.GetName(), f.Input, f.Output, f.Attribute, f.AttributeProto)
	}
}

// TestMarshalIsDeterministic builds the model again each time, so that an order
// taken from a Go map would show.
func TestMarshalIsDeterministic(t *testing.T) {
	first, err := sampleModel(t).Marshal()
	if err != nil {
		t.Fatal(err)
	}
	for range 20 {
		again, err := sampleModel(t).Marshal()
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(first, again) {
			t.Fatal("the same model gave other bytes")
		}
	}
}

func TestDigest(t *testing.T) {
	digest := func(change func(*onnxgraph.Model)) string {
		t.Helper()
		m := sampleModel(t)
		change(m)
		d, err := m.Digest()
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	plain := digest(func(*onnxgraph.Model) {})
	if again := digest(func(*onnxgraph.Model) {}); again != plain || len(plain) != 64 {
		t.Errorf("digests %s and %s of one model", plain, again)
	}
	for name, change := range map[string]func(*onnxgraph.Model){
		"metadata": func(m *onnxgraph.Model) { m.Metadata["author"] = "Zoe" },
		"producer": func(m *onnxgraph.Model) { m.ProducerVersion = "1.3" },
		"constant": func(m *onnxgraph.Model) { onnxgraph.Data[float32](m.Graph.Constants()[0].Constant())[7]++ },
	} {
		if digest(change) == plain {
			t.Errorf("another %s has the same digest", name)
		}
	}
}

func TestWriteFileSplit(t *testing.T) {
	path := filepath.Join(t.TempDir(), "m.onnx")
	if err := sampleModel(t).WriteFileSplit(path, 1<<10); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	message := &onnxpb.ModelProto{}
	if err := proto.Unmarshal(data, message); err != nil {
		t.Fatal(err)
	}
	outside := 0
	for _, init := range message.Graph.Initializer {
		if init.GetDataLocation() != onnxpb.TensorProto_EXTERNAL {
			continue
		}
		outside++
		at := map[string]string{}
		for _, e := range init.ExternalData {
			at[e.GetKey()] = e.GetValue()
		}
		if len(init.RawData) > 0 || at["location"] != "m.onnx.data" || at["offset"] != "0" || at["length"] != "6144" {
			t.Errorf("%s lies at %v", init.GetName(), at)
		}
	}
	if outside != 1 {
		t.Errorf("%d tensors lie outside, want the weight alone", outside)
	}
	side, err := os.ReadFile(path + ".data")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(side, sampleModel(t).Graph.Constants()[0].Constant().Bytes()) {
		t.Error("the data file differs from the weight")
	}
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(entries) != 2 {
		t.Errorf("files %v, %v; want the model and its data", entries, err)
	}
}

func TestWriteFileErrors(t *testing.T) {
	m := sampleModel(t)
	if err := m.WriteFile(filepath.Join(t.TempDir(), "none", "m.onnx")); err == nil {
		t.Error("a model was written to a folder that is not there")
	}
	empty, err := onnxgraph.Build("empty", func(g *onnxgraph.Graph) { g.Input("x", onnxgraph.Float32, 1) })
	if err != nil {
		t.Fatal(err)
	}
	if _, err := (&onnxgraph.Model{Graph: empty}).Marshal(); err == nil || !strings.Contains(err.Error(), "no outputs") {
		t.Errorf("a graph without outputs: %v", err)
	}
}
