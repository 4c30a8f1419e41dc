// Package conformance reads ONNX's own operator cases, the directories node/test_*
// of onnx/backend/test/data
// (https://github.com/onnx/onnx/tree/main/onnx/backend/test), so that every
// runtime of pmx can be held against them. Debian packages the cases of ONNX 1.12,
// opset 17, as libonnx-testdata; see Dir.
package conformance

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"

	"pmx/internal/numtest"
	"pmx/internal/onnxpb"
	"pmx/onnxgraph"
)

// Env names the variable that overrides where the cases lie.
const Env = "PMX_ONNX_TESTDATA"

// debian is where libonnx-testdata puts the cases.
const debian = "/usr/lib/python3/dist-packages/onnx/backend/test/data/node"

// Dir is the directory of the cases, or an error that says how to get them.
func Dir() (string, error) {
	dir := debian
	if v := os.Getenv(Env); v != "" {
		dir = v
	}
	if _, err := os.Stat(filepath.Join(dir, "test_add", "model.onnx")); err != nil {
		return "", fmt.Errorf("conformance: no ONNX operator cases in %s: apt-get install libonnx-testdata, or set %s to a folder onnx/backend/test/data/node", dir, Env)
	}
	return dir, nil
}

// Case is one operator case with one set of data.
type Case struct {
	Name string
	// Operators are the IDs of its nodes, in order.
	Operators []string
	// Model computes the case. Operands that shape inference needs the numbers of,
	// such as the axes of ReduceSum, are constants in it.
	Model *onnxgraph.Model
	Feeds map[string]*onnxgraph.Tensor
	Want  map[string]*onnxgraph.Tensor
}

// LeftOut is a case that cannot be run, and why.
type LeftOut struct {
	Name, Operator, Reason string
}

// NotRegistered is the reason of cases of operators that pmx has no use for.
const NotRegistered = "operator is not registered"

// Load reads every case under dir whose operators are registered with the very
// definition that the case is for. The others come back with the reason.
func Load(dir string) ([]Case, []LeftOut, error) {
	paths, err := filepath.Glob(filepath.Join(dir, "test_*", "model.onnx"))
	if err != nil {
		return nil, nil, err
	}
	var cases []Case
	var left []LeftOut
	for _, path := range paths {
		c, out, err := load(path)
		if err != nil {
			return nil, nil, fmt.Errorf("conformance: %s: %w", path, err)
		}
		if out != nil {
			left = append(left, *out)
		} else {
			cases = append(cases, *c)
		}
	}
	return cases, left, nil
}

// load gives the case, or why it is left out.
func load(path string) (*Case, *LeftOut, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, nil, err
	}
	message := &onnxpb.ModelProto{}
	if err := proto.Unmarshal(raw, message); err != nil {
		return nil, nil, err
	}
	name := strings.TrimPrefix(filepath.Base(filepath.Dir(path)), "test_")
	if out := unsuitable(message); out != nil {
		out.Name = name
		return nil, out, nil
	}
	c := &Case{Name: name}
	for _, n := range message.Graph.Node {
		c.Operators = append(c.Operators, operatorID(n))
	}
	refuse := func(reason error) (*Case, *LeftOut, error) {
		return nil, &LeftOut{Name: name, Operator: c.Operators[0], Reason: reason.Error()}, nil
	}
	folder := filepath.Join(filepath.Dir(path), "test_data_set_0")
	inputs, err := readTensors(folder, "input", message.Graph.Input)
	if err != nil {
		return refuse(err)
	}
	if c.Want, err = readTensors(folder, "output", message.Graph.Output); err != nil {
		return refuse(err)
	}
	if c.Feeds, err = c.read(message, folder, inputs); err != nil {
		return nil, nil, err
	}
	return c, nil, nil
}

// unsuitable gives the reason why a model cannot be run, nil if it can.
func unsuitable(message *onnxpb.ModelProto) *LeftOut {
	opset := int64(0)
	for _, o := range message.OpsetImport {
		if o.GetDomain() == "" || o.GetDomain() == "ai.onnx" {
			opset = o.GetVersion()
		}
	}
	if nodes := message.Graph.Node; len(nodes) == 1 && nodes[0].GetOpType() == "Constant" {
		return &LeftOut{Operator: "Constant", Reason: "reading turns Constant nodes into values: nothing is left to run"}
	}
	for _, n := range message.Graph.Node {
		id := operatorID(n)
		schema, err := onnxgraph.Lookup(n.GetDomain(), n.GetOpType())
		switch {
		case n.GetOpType() == "Constant":
		case err != nil:
			return &LeftOut{Operator: id, Reason: NotRegistered}
		case int64(definedSince(schema)) > opset:
			return &LeftOut{Operator: id, Reason: fmt.Sprintf("the case is for opset %d, the definition registered is of %d", opset, schema.SinceVersion)}
		}
	}
	for _, v := range slices.Concat(message.Graph.Input, message.Graph.Output) {
		if v.GetType().GetTensorType() == nil {
			return &LeftOut{Operator: operatorID(message.Graph.Node[0]), Reason: "sequences and optional values are not supported"}
		}
	}
	return nil
}

// sameSince lists operators whose definition has meant the same since an earlier
// version than the registered one: what came later are more element types, or an
// attribute whose default is the old meaning (Reshape's allowzero, Shape's start).
var sameSince = map[string]int{
	"Add": 7, "Sub": 7, "Mul": 7, "Div": 7, "Pow": 12, "Min": 8, "Max": 8, "ReduceMin": 11, "ReduceMax": 11,
	"Where": 9, "Cast": 9, "Ceil": 6, "Relu": 6, "Clip": 11, "Identity": 1, "Reshape": 5, "Shape": 1,
}

func definedSince(schema *onnxgraph.OpSchema) int {
	if v, ok := sameSince[schema.ID()]; ok {
		return v
	}
	return schema.SinceVersion
}

func operatorID(n *onnxpb.NodeProto) string {
	if n.GetDomain() == "" {
		return n.GetOpType()
	}
	return n.GetDomain() + "." + n.GetOpType()
}

// read turns the message into c.Model and returns the feeds. A model whose shape
// inference needs operands to be constants is read again with them as constants.
func (c *Case) read(message *onnxpb.ModelProto, folder string, inputs map[string]*onnxgraph.Tensor) (map[string]*onnxgraph.Tensor, error) {
	raw, err := proto.Marshal(message)
	if err != nil {
		return nil, err
	}
	options := onnxgraph.ReadOptions{AnyOpset: true}
	if c.Model, err = options.ReadModel(raw); err == nil {
		return inputs, nil
	}
	feeds := map[string]*onnxgraph.Tensor{}
	fixed := proto.Clone(message).(*onnxpb.ModelProto)
	fixed.Graph.Input = nil
	for i, v := range message.Graph.Input {
		if i == 0 {
			fixed.Graph.Input = append(fixed.Graph.Input, v)
			feeds[v.GetName()] = inputs[v.GetName()]
			continue
		}
		t := &onnxpb.TensorProto{}
		data, err := os.ReadFile(filepath.Join(folder, fmt.Sprintf("input_%d.pb", i)))
		if err != nil {
			return nil, err
		}
		if err := proto.Unmarshal(data, t); err != nil {
			return nil, err
		}
		t.Name = proto.String(v.GetName())
		fixed.Graph.Initializer = append(fixed.Graph.Initializer, t)
	}
	if raw, err = proto.Marshal(fixed); err != nil {
		return nil, err
	}
	c.Model, err = options.ReadModel(raw)
	return feeds, err
}

// readTensors reads input_0.pb, input_1.pb, ... by the names that the graph gives
// them.
func readTensors(folder, kind string, values []*onnxpb.ValueInfoProto) (map[string]*onnxgraph.Tensor, error) {
	out := map[string]*onnxgraph.Tensor{}
	for i, v := range values {
		raw, err := os.ReadFile(filepath.Join(folder, fmt.Sprintf("%s_%d.pb", kind, i)))
		if err != nil {
			return nil, err
		}
		t, err := onnxgraph.TensorFromProtoBytes(raw)
		if err != nil {
			return nil, err
		}
		if declared := onnxgraph.DType(v.GetType().GetTensorType().GetElemType()); t.DType() != declared {
			if t.DType() != onnxgraph.Uint16 || declared != onnxgraph.BFloat16 {
				return nil, fmt.Errorf("%s %s is declared %v and stored as %v", kind, v.GetName(), declared, t.DType())
			}
			// ONNX 1.12 stores bfloat16 as its bits.
			t = onnxgraph.Bits16(onnxgraph.BFloat16, t.Shape(), onnxgraph.Data[uint16](t))
		}
		dims := v.GetType().GetTensorType().GetShape().GetDim()
		for k, d := range dims {
			if len(dims) != len(t.Shape()) || d.GetDimValue() > 0 && d.GetDimValue() != int64(t.Shape()[k]) {
				return nil, fmt.Errorf("the case stores another shape for %s than it declares", v.GetName())
			}
		}
		out[v.GetName()] = t
	}
	return out, nil
}

// fewDigits lists cases whose outputs ONNX writes with four decimals, cut off.
var fewDigits = map[string]float64{"roialign_aligned_false": 1e-4, "roialign_aligned_true": 1e-4}

// Compare holds outputs against the case's. Floats may come in any width and agree
// to the tolerance of the case's own type; others must be equal.
func (c Case) Compare(got map[string]*onnxgraph.Tensor) error {
	for name, want := range c.Want {
		t := got[name]
		if t == nil {
			return fmt.Errorf("output %s is missing", name)
		}
		kind := numtest.Moved
		if want.DType().IsFloat() {
			kind = numtest.Summed
		}
		if !t.Shape().Equal(want.Shape()) || want.DType().IsFloat() != t.DType().IsFloat() || !want.DType().IsFloat() && t.DType() != want.DType() {
			return fmt.Errorf("output %s is %v, want %v", name, t, want)
		}
		wantNumbers, gotNumbers := slices.Clone(want.Float64s()), slices.Clone(t.Float64s())
		for i, v := range wantNumbers {
			if math.IsNaN(v) { // the one place where a NaN may be asked for
				if !math.IsNaN(gotNumbers[i]) {
					return fmt.Errorf("output %s: element %d is %g, want NaN", name, i, gotNumbers[i])
				}
				wantNumbers[i], gotNumbers[i] = 0, 0
			}
		}
		tolerance := max(numtest.Tolerance(want.DType().String(), kind), fewDigits[c.Name])
		if err := numtest.Compare(gotNumbers, wantNumbers, tolerance); err != nil {
			return fmt.Errorf("output %s: %w", name, err)
		}
	}
	return nil
}
