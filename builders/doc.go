// Package builders writes models as graphs: the vision transformer and its
// parts, the heads, the contrastive losses, AdamW, the EMA copy, and the whole
// training step of a self-supervised method.
//
// A part of a model is a struct whose parameters are made once, in New…, and
// whose Forward can be called many times: the branches of a siamese network
// share their weights. Parameters carry the names and layouts of timm and
// PyTorch, so that published checkpoints fit.
//
// Build turns a Config into a Step: a model in which everything that changes is
// an input with a matching output, ready for any ONNX Runtime. What its inputs
// are to be fed with: images and targets as package patchmix makes them, drop_path
// as DropPath says, hyper-parameters as numbers.
package builders
