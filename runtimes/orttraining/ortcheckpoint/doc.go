// Package ortcheckpoint reads and writes the checkpoint of ONNX Runtime Training
// 1.19: one flatbuffers file with identifier "ODTC", version 2, that holds the
// parameters, the optimizer's state and named properties. The library loads what
// Encode makes (OrtTrainingApi LoadCheckpoint and LoadCheckpointFromBuffer, in
// Python onnxruntime.training.api.CheckpointState), and Decode reads what the
// library saves.
//
// Of the format two variants are refused: nominal checkpoints, which have names
// but no data, and data in a second file, which the library needs from 2 GiB on.
package ortcheckpoint
