package detect

import (
	"pmx/builders"
	"pmx/onnxgraph"
)

// DetectorProperty is the metadata property of a detector's model that holds Config as
// JSON.
const DetectorProperty = "pmx.detector"

// Outputs of a detector's model, see Detections. Its inputs are ImageFeed and SizesFeed.
const (
	DetectedBoxes   = "boxes"   // float [N D 4], in pixels of the network's input
	DetectedScores  = "scores"  // float [N D], best first; 0 where nothing is
	DetectedClasses = "classes" // int64 [N D]
	DetectedMasks   = "masks"   // float [N D side side], probabilities over each box
	DetectedCount   = "count"   // int64 [N], detections of an image
)

// InferenceModel writes a trained detector as a model that finds objects in so many
// images at a time, as Train's feeds have them. weights holds its parameters, and the
// running statistics of its batch norms, under detectron2's names.
func InferenceModel(c Config, weights map[string]*onnxgraph.Tensor, images int) (*onnxgraph.Model, error) {
	return builders.InferenceModel("detector", weights, DetectorProperty, c, func(g *onnxgraph.Graph, s builders.Scope) {
		m := New(s, c)
		side := c.ImageSize
		d := m.Detect(g.Input(ImageFeed, onnxgraph.Float32, images, 3, side, side), g.Input(SizesFeed, onnxgraph.Float32, images, 1, 4))
		g.Output(DetectedBoxes, d.Boxes)
		g.Output(DetectedScores, d.Scores)
		g.Output(DetectedClasses, d.Classes)
		g.Output(DetectedMasks, d.Masks)
		g.Output(DetectedCount, d.Count)
	})
}
