package builders

import (
	"google.golang.org/protobuf/proto"

	"pmx/internal/onnxpb"
	"pmx/onnxgraph"
)

// ortOptimizer is the optimizer model: one node that updates all parameters and
// their moments in place. Inputs, by name and order, are what the library asks
// for; its output tells that the update was made. The order of tensors in the
// sequences is the library's own and differs between processes, so what must be
// computed in a fixed order (clipping) or by parameter (decay) is in the training
// model.
func ortOptimizer() ([]byte, error) {
	tensor := func(dtype onnxgraph.DType, dims ...int64) *onnxpb.TypeProto {
		t := &onnxpb.TypeProto_Tensor{ElemType: proto.Int32(int32(dtype))}
		if dims != nil {
			t.Shape = &onnxpb.TensorShapeProto{}
		}
		for _, d := range dims {
			t.Shape.Dim = append(t.Shape.Dim, &onnxpb.TensorShapeProto_Dimension{Value: &onnxpb.TensorShapeProto_Dimension_DimValue{DimValue: d}})
		}
		return &onnxpb.TypeProto{Value: &onnxpb.TypeProto_TensorType{TensorType: t}}
	}
	sequence := &onnxpb.TypeProto{Value: &onnxpb.TypeProto_SequenceType{
		SequenceType: &onnxpb.TypeProto_Sequence{ElemType: tensor(onnxgraph.Float32)},
	}}
	node := &onnxpb.NodeProto{
		Name: proto.String("adamw"), OpType: proto.String("AdamWOptimizer"), Domain: proto.String(onnxgraph.DomainMicrosoft),
		Output: []string{"updated"},
		Attribute: []*onnxpb.AttributeProto{
			{Name: proto.String("adam_mode"), Type: onnxpb.AttributeProto_INT.Enum(), I: proto.Int64(0)}, // PyTorch's order
			{Name: proto.String("alpha"), Type: onnxpb.AttributeProto_FLOAT.Enum(), F: proto.Float32(adamBeta1)},
			{Name: proto.String("beta"), Type: onnxpb.AttributeProto_FLOAT.Enum(), F: proto.Float32(adamBeta2)},
			{Name: proto.String("correct_bias"), Type: onnxpb.AttributeProto_INT.Enum(), I: proto.Int64(1)},
			{Name: proto.String("epsilon"), Type: onnxpb.AttributeProto_FLOAT.Enum(), F: proto.Float32(adamEpsilon)},
			{Name: proto.String("weight_decay"), Type: onnxpb.AttributeProto_FLOAT.Enum(), F: proto.Float32(0)},
		},
	}
	graph := &onnxpb.GraphProto{Name: proto.String("optimizer"), Node: []*onnxpb.NodeProto{node}}
	for _, in := range []struct {
		name string
		of   *onnxpb.TypeProto
	}{
		{"learning_rate", tensor(onnxgraph.Float32, 1)}, {"step", tensor(onnxgraph.Int64, 1)},
		{"params", sequence}, {"gradients", sequence}, {"first_order_moments", sequence}, {"second_order_moments", sequence},
	} {
		graph.Input = append(graph.Input, &onnxpb.ValueInfoProto{Name: proto.String(in.name), Type: in.of})
		node.Input = append(node.Input, in.name)
	}
	graph.Output = []*onnxpb.ValueInfoProto{{Name: proto.String("updated"), Type: tensor(onnxgraph.Bool, 1)}}
	return proto.MarshalOptions{Deterministic: true}.Marshal(&onnxpb.ModelProto{
		IrVersion: proto.Int64(onnxgraph.IRVersion),
		OpsetImport: []*onnxpb.OperatorSetIdProto{
			{Domain: proto.String(""), Version: proto.Int64(onnxgraph.Opset)},
			{Domain: proto.String(onnxgraph.DomainMicrosoft), Version: proto.Int64(1)},
		},
		Graph: graph,
	})
}
