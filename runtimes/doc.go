// Package runtimes executes models: training steps (package step) by sessions that
// keep the state of training between steps, any other model by an inference. The
// runtimes are ONNX Runtime ("ort"), ONNX Runtime Training ("ort-training") and Eval
// in float64 ("reference"), with which the others are compared. Traces of a session
// tell what its nodes cost.
package runtimes
