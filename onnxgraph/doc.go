// Package onnxgraph is the vocabulary of pmx: a typed ONNX graph that Go code
// builds node by node, the schema of each operator, and a float64 evaluator
// that gives every graph its reference meaning.
//
//	g, err := onnxgraph.Build("axpy", func(g *onnxgraph.Graph) {
//		x := g.Input("x", onnxgraph.Float32, 2, 3)
//		y := g.Input("y", onnxgraph.Float32, 3)
//		g.Output("z", op.Add(x, y))
//	})
//
// The constructors live in package op, one file per operator, each with its
// shape inference, gradient and Eval. Package autodiff adds the backward pass
// to a graph, package gradcheck tests every registered gradient.
//
// # Panics and errors
//
// Constructors panic with *Error, so that a model reads as formulas; Build
// turns exactly that panic into an error with the operator, the operands'
// shapes and the caller's file:line. Nothing else panics across a package.
//
// # One opset
//
// Graphs use opset 17 of ONNX (IR version 9): the newest one that today's ONNX
// Runtime and the last ONNX Runtime Training (1.19.2, opset 21 at most) both
// load and that ONNX's own packaged operator cases cover. Reading refuses
// others for execution, see ReadModel.
//
// # Functions
//
// An operator outside the default domain (com.microsoft or pmx) carries a Body
// of standard operators. A model holds that body as a local function of the
// same domain and name: a runtime that has a kernel of that name takes it, any
// other inlines the body. One body serves all nodes of the operator, since it takes
// attributes by reference (ONNX's ref_attr_name) and does not depend on sizes.
package onnxgraph

// Opset is the version of the default operator set of every graph.
const Opset = 17

// IRVersion is the ONNX IR version of written models; 9 is the first in which
// attributes of functions have defaults, and ONNX Runtime Training 1.19.2 reads up
// to 10.
const IRVersion = 9
