// Package step says what a training step is: a model whose inputs are state, a
// batch and hyper-parameters, and whose outputs are the state after the step and
// metrics. It holds types only: builders makes steps, runtimes executes them,
// training calls them again and again.
//
//	state, batch, hyper -> Step.Model -> state, metrics
//
// A step describes itself: its JSON is the metadata property Property of the step
// file, so that any program can train with the file alone.
package step
