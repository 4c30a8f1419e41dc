// Package detect builds a two-stage detector, Mask R-CNN on a feature pyramid (arXiv
// 1703.06870, 1612.03144) of a ViT, as graphs, with the semantics of detectron2: Train
// is its training step, InferenceModel finds objects.
//
// Boxes are x1 y1 x2 y2 in pixels of the network's input, width x2 - x1. N counts
// images, G objects of an image (as many for each; some may be absent), A anchors of
// all levels, R regions of an image.
package detect
