// Package kernels holds CPU kernels, in C, for the operators of a training step
// that ONNX Runtime would compute node by node: those of domain pmx, and gradients
// that ONNX Runtime Training has in com.microsoft. Each of these operators is a
// function with a body of standard operators (package op), which runs where no
// kernel is registered, and defines what a kernel computes.
//
// The way of a call: register.c tells ONNX Runtime about the operators, and turns
// each execution into a pmx_call (kernel.h), which one of the kernels computes on
// the session's own threads. Kernels are written once, in headers, on vectors of
// WIDTH floats (vec.h), and compiled for each instruction set (isa_*.c); the widest
// that the processor has is chosen at run time. A new kernel is a function in a
// header and a line in kernels.inc.h.
//
// Results do not depend on the number of threads: sums are cut by the sizes of the
// tensors only. What is not a number stays so: no kernel hides a step gone wrong.
package kernels
