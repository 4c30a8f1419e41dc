package orttraining_test

import (
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"pmx/internal/onnxpb"
	"pmx/onnxgraph"
	"pmx/runtimes/orttraining"
	"pmx/runtimes/orttraining/ortcheckpoint"
)

// The models of these tests are written node by node, as
// "out1, out2 = Operator(in1, in2) name=value", for the library's sequences and
// in-place operators are no part of onnxgraph.

var nodeForm = regexp.MustCompile(`^(.*) = (?:(\w+(?:\.\w+)*)::)?(\w+)\((.*)\)(.*)$`)

func nodes(t testing.TB, lines ...string) []*onnxpb.NodeProto {
	t.Helper()
	var list []*onnxpb.NodeProto
	for i, line := range lines {
		m := nodeForm.FindStringSubmatch(line)
		if m == nil {
			t.Fatalf("not a node: %s", line)
		}
		n := &onnxpb.NodeProto{Name: proto.String(fmt.Sprintf("node%d", i)), Domain: proto.String(m[2]), OpType: proto.String(m[3])}
		n.Output, n.Input = strings.Split(m[1], ", "), strings.Split(m[4], ", ")
		for _, a := range strings.Fields(m[5]) {
			name, value, _ := strings.Cut(a, "=")
			p := &onnxpb.AttributeProto{Name: proto.String(name)}
			if v, err := strconv.ParseInt(value, 10, 64); err == nil {
				p.Type, p.I = onnxpb.AttributeProto_INT.Enum(), proto.Int64(v)
			} else if v, err := strconv.ParseFloat(value, 32); err == nil {
				p.Type, p.F = onnxpb.AttributeProto_FLOAT.Enum(), proto.Float32(float32(v))
			} else {
				p.Type, p.S = onnxpb.AttributeProto_STRING.Enum(), []byte(value)
			}
			n.Attribute = append(n.Attribute, p)
		}
		list = append(list, n)
	}
	return list
}

func tensorType(dtype onnxgraph.DType, shape ...int) *onnxpb.TypeProto {
	dims := &onnxpb.TensorShapeProto{}
	for _, d := range shape {
		dims.Dim = append(dims.Dim, &onnxpb.TensorShapeProto_Dimension{Value: &onnxpb.TensorShapeProto_Dimension_DimValue{DimValue: int64(d)}})
	}
	return &onnxpb.TypeProto{Value: &onnxpb.TypeProto_TensorType{TensorType: &onnxpb.TypeProto_Tensor{ElemType: proto.Int32(int32(dtype)), Shape: dims}}}
}

func sequence() *onnxpb.TypeProto {
	element := &onnxpb.TypeProto{Value: &onnxpb.TypeProto_TensorType{TensorType: &onnxpb.TypeProto_Tensor{ElemType: proto.Int32(int32(onnxgraph.Float32))}}}
	return &onnxpb.TypeProto{Value: &onnxpb.TypeProto_SequenceType{SequenceType: &onnxpb.TypeProto_Sequence{ElemType: element}}}
}

type port struct {
	name string
	t    *onnxpb.TypeProto
}

func ports(list []port) (out []*onnxpb.ValueInfoProto) {
	for _, p := range list {
		out = append(out, &onnxpb.ValueInfoProto{Name: proto.String(p.name), Type: p.t})
	}
	return out
}

func model(t testing.TB, inputs, outputs []port, lines ...string) []byte {
	t.Helper()
	scalar := func(name string, v float32) *onnxpb.TensorProto {
		return &onnxpb.TensorProto{Name: proto.String(name), DataType: proto.Int32(int32(onnxgraph.Float32)), RawData: onnxgraph.ScalarTensor(v).Bytes()}
	}
	axis := &onnxpb.TensorProto{Name: proto.String("axis0"), DataType: proto.Int32(int32(onnxgraph.Int64)), Dims: []int64{1}, RawData: make([]byte, 8)}
	m := &onnxpb.ModelProto{
		IrVersion: proto.Int64(8),
		OpsetImport: []*onnxpb.OperatorSetIdProto{
			{Domain: proto.String(""), Version: proto.Int64(17)}, {Domain: proto.String("com.microsoft"), Version: proto.Int64(1)},
		},
		Graph: &onnxpb.GraphProto{
			Name: proto.String("graph"), Input: ports(inputs), Output: ports(outputs), Node: nodes(t, lines...),
			Initializer: []*onnxpb.TensorProto{scalar("one", 1), scalar("two_over_n", 2.0/(batch*out)), axis},
		},
	}
	data, err := proto.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// The network: loss = mean((tanh(x W1ᵀ + b1) W2ᵀ + b2 - target)²).
const batch, in, hidden, out = 5, 3, 4, 2

var (
	parameterShapes = []struct {
		name  string
		shape []int
	}{{"W1", []int{hidden, in}}, {"b1", []int{hidden}}, {"W2", []int{out, hidden}}, {"b2", []int{out}}}
	userInputs = []port{{"x", tensorType(onnxgraph.Float32, batch, in)}, {"target", tensorType(onnxgraph.Float32, batch, out)}}
	forward    = []string{
		"z = Gemm(x, W1, b1) transB=1", "h = Tanh(z)", "y = Gemm(h, W2, b2) transB=1",
		"d = Sub(y, target)", "d2 = Mul(d, d)", "loss = ReduceMean(d2) keepdims=0",
	}
	backward = []string{
		"dy = Mul(d, two_over_n)",
		"W2_grad = Gemm(dy, h) transA=1", "b2_grad = ReduceSum(dy, axis0) keepdims=0",
		"dh = MatMul(dy, W2)", "h2 = Mul(h, h)", "slope = Sub(one, h2)", "dz = Mul(dh, slope)",
		"W1_grad = Gemm(dz, x) transA=1", "b1_grad = ReduceSum(dz, axis0) keepdims=0",
	}
)

const lr, weightDecay, beta1, beta2, epsilon = 0.05, 0.1, 0.9, 0.999, 1e-8

// artifacts makes the three models.
func artifacts(t testing.TB) orttraining.Models {
	t.Helper()
	var parameters, buffers, flags []port
	var accumulate []string
	for _, p := range parameterShapes {
		parameters = append(parameters, port{p.name, tensorType(onnxgraph.Float32, p.shape...)})
		buffers = append(buffers, port{p.name + "_grad.accumulation.buffer", tensorType(onnxgraph.Float32, p.shape...)})
		flags = append(flags, port{p.name + "_grad.accumulation.out", tensorType(onnxgraph.Bool, 1)})
		accumulate = append(accumulate, fmt.Sprintf("%[1]s_grad.accumulation.out = com.microsoft::InPlaceAccumulatorV2(%[1]s_grad.accumulation.buffer, %[1]s_grad, lazy_reset_grad)", p.name))
	}
	join := func(lists ...[]port) (all []port) {
		for _, l := range lists {
			all = append(all, l...)
		}
		return all
	}
	signal := []port{{"lazy_reset_grad", tensorType(onnxgraph.Bool, 1)}}
	loss := []port{{"loss", tensorType(onnxgraph.Float32)}}
	prediction := []port{{"y", tensorType(onnxgraph.Float32, batch, out)}}
	lines := append(append(append([]string(nil), forward...), backward...), accumulate...)
	return orttraining.Models{
		Training: model(t, join(userInputs, parameters, buffers, signal), join(loss, flags), lines...),
		Eval:     model(t, join(userInputs, parameters), join(loss, prediction), forward...),
		Optimizer: model(t, []port{
			{"learning_rate", tensorType(onnxgraph.Float32, 1)}, {"step", tensorType(onnxgraph.Int64, 1)},
			{"params", sequence()}, {"gradients", sequence()}, {"first_order_moments", sequence()}, {"second_order_moments", sequence()},
		}, []port{{"updated", tensorType(onnxgraph.Bool, 1)}},
			fmt.Sprintf("updated = com.microsoft::AdamWOptimizer(learning_rate, step, params, gradients, first_order_moments, second_order_moments) alpha=%v beta=%v epsilon=%v weight_decay=%v correct_bias=1 adam_mode=0",
				beta1, beta2, epsilon, weightDecay)),
	}
}

// number gives values that look random and are the same everywhere.
func number(i int) float64 { return math.Sin(float64(i)*12.9898 + 0.5) }

func values(first int, shape ...int) *onnxgraph.Tensor {
	x := onnxgraph.Zeros(onnxgraph.Float32, shape)
	for i := range onnxgraph.Data[float32](x) {
		onnxgraph.Data[float32](x)[i] = float32(number(first + i))
	}
	return x
}

func initial() *ortcheckpoint.Checkpoint {
	c := &ortcheckpoint.Checkpoint{}
	for i, p := range parameterShapes {
		c.Trainable = append(c.Trainable, ortcheckpoint.Parameter{Name: p.name, Value: values(100*i, p.shape...)})
	}
	return c
}

func feeds(k int) map[string]*onnxgraph.Tensor {
	return map[string]*onnxgraph.Tensor{"x": values(1000+50*k, batch, in), "target": values(3000+50*k, batch, out)}
}
