// Package op holds the operators: one file each, with the constructor, shape
// inference, gradient (as a vector-Jacobian product) and float64 Eval, and the
// operator's gradient cases in the test file beside it. Importing the package
// registers all of them.
//
// Constructors panic with *onnxgraph.Error; build inside onnxgraph.Build.
// In the comments y = f(x) names outputs and inputs, dy the cotangent of y.
package op
