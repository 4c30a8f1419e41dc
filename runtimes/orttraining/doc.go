// Package orttraining drives the official ONNX Runtime Training library 1.19 by
// version 19 of its C API: checkpoints, training sessions with their train, eval
// and optimizer steps, export, and plain sessions on the same library, which has
// the fused gradient kernels of domain com.microsoft.
//
//	lib, err := orttraining.Open(path)                 // pmx runtime install ort-training
//	state, err := lib.LoadCheckpoint("checkpoint")     // package ortcheckpoint writes them
//	o, err := lib.NewSessionOptions(orttraining.Options{})
//	s, err := lib.NewTrainingSession(state, models, o)
//	out, err := s.TrainStep(feeds)                     // accumulates gradients
//	err = s.OptimizerStep()
//	err = s.ResetGradients()
//
// # Order of closing
//
// ONNX Runtime wants a training session released before its checkpoint state,
// and everything released before its environment. The first is seen to here: a
// CheckpointState lives on until the last session over it is closed, in whatever
// order Close is called. A Library, with its environment, stays until the process
// ends, for ONNX Runtime does not survive being unloaded; opening the same path
// again gives the same Library. There are no finalizers: what is not closed is
// not given back.
//
// # Memory
//
// Tensors go to the library as they lie in Go, pinned and not copied. A Value pins
// its tensor until it is closed; other calls pin for as long as they last. What
// the library allocates is copied to Go and released at once.
//
// # Threads
//
// A Library can be used by many goroutines. Everything made from it is for one
// goroutine at a time.
package orttraining
