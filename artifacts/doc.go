// Package artifacts is everything that pmx keeps on disk: the run directory
// with its configuration, manifest, metrics and checkpoints.
//
//	run/
//	  manifest.json           what made this run: versions, seed, digests (Manifest)
//	  config.json             the resolved configuration
//	  metrics.jsonl           one JSON object a line, of a step, an epoch or an evaluation (Metrics)
//	  checkpoints/            NNNNNN.safetensors, NNNNNN being the step (Checkpoints)
//	  events.out.*            TensorBoard scalars (package tfevents)
//	  encoder.onnx            the trained encoder; above 2 GiB with encoder.onnx.data
//	  encoder.safetensors     the same weights under timm's names
//	  features-*.safetensors  features of images, of the last encoder evaluated (evaluation.Cache)
//	  profile.json            ONNX Runtime's trace of the first steps,
//	  profile.txt             and where their time went
//	  .lock                   held by the process that writes the run
//
// A process can be killed at any instant: files appear by atomic rename
// (internal/atomicfile) or are append-only with a torn last line cut off on
// resume, and a lock keeps a second process out of the folder. A start that is killed,
// also one that replaces another run, is completed by the next process that opens the
// folder: the manifest, which is written first, holds what is to be done.
//
// Below it: safetensors (the tensor file format), torchfile (PyTorch's), weights
// (encoders of other programs, in and out), tfevents (TensorBoard event files),
// runtimelib (ONNX Runtime libraries in the user's cache) and wheellib (a C library
// out of a Python extension module).
package artifacts
