// Package op holds the operators: one file each, with the constructor, shape
// inference, gradient (as a vector-Jacobian product) and float64 Eval, and the
// operator's gradient cases in the test file beside it. Importing the package
// registers all of them.
//
//	y := op.Softmax(op.MatMul(q, op.Transpose(k, 1, 0)), -1)
//
// Constructors panic with *onnxgraph.Error; build inside onnxgraph.Build.
// In the comments y = f(x) names outputs and inputs, dy the cotangent of y.
//
// # ONNX's operators
//
// They have ONNX's names, operands and attributes, of opset 17:
//
//   - element by element, with broadcasting: [Add], [Mul], [Div], [Pow], [Exp], [Erf],
//     [Where], [Clip], [Cast]; comparisons and logic: [Equal], [Less], [And], [Not]
//   - products: [MatMul], [Gemm], [Conv], [ConvTranspose]; [MaxPool]
//   - reductions: [ReduceSum], [ReduceMean], [ReduceMax], [ArgMax], [TopK]
//   - activations and norms: [Relu], [Sigmoid], [Softplus], [Softmax], [LogSoftmax],
//     [LayerNormalization], [BatchNormalization]
//   - the shape alone: [Reshape], [Flatten], [Squeeze], [Unsqueeze], [Transpose], [Expand]
//   - parts of tensors: [Slice], [Split], [Concat], [Pad], [Tile], [Gather],
//     [GatherElements], [ScatterElements], [GatherND], [ScatterND]
//   - images: [Resize]; regions of maps: [RoiAlign], [NonMaxSuppression]
//   - sizes that the model computes when it runs: [Shape], [ShapeOf], [Range],
//     [ConstantOfShape], [ExpandTo]
//
// # Operators with a body
//
// These are of domain com.microsoft, where ONNX Runtime or its training library has a
// kernel of that name, or pmx. Their body of standard operators runs everywhere.
//
//   - layers: [Linear], [LinearGelu], [Gelu], [Attention], [ClassAttention],
//     [RelativeAttention], [PMXLayerNorm], [AddLayerNormalization], [BatchNormTraining]
//   - the loss: [SoftTargetCrossEntropy]
//   - gradients of these and of standard operators, which VJPs apply: [GeluGrad],
//     [SoftmaxGrad], [LogSoftmaxGrad], [LayerNormalizationGrad]
//   - the update of a step: [AdamW], [EMA], [InPlaceAccumulator]; [StopGradient] before it
//
// A body takes its operator's attributes by reference, since a model has one body for
// all nodes: it hands n.Attributes["epsilon"] on to a node, or computes with
// n.AttributeValue. What it needs the value of is Fixed in the schema: [AdamW] has two.
//
// # Constants
//
// [Scalar], [Numbers], [Fill] and [Ints] make constants in the graph, and of the element
// type, of a value that is at hand.
package op
