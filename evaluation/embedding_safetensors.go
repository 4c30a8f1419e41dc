package evaluation

import (
	"encoding/json"
	"io"
	"maps"

	"pmx/artifacts/safetensors"
	"pmx/onnxgraph"
)

var _ = embeddingFormats.Add(".safetensors", embeddingFormat{write: writeFeatureTensors})

// classesProperty is the metadata property with the names of the classes in the order of
// the labels, as JSON.
const classesProperty = "pmx.classes"

// writeFeatureTensors writes "features", float32 [N Dim], and where there are classes
// "labels", int64 [N], -1 for an image without one.
func writeFeatureTensors(w io.Writer, e *Embedding) error {
	features := make([]float32, 0, e.Images.Len()*e.Dim)
	labels, labelled := make([]int64, e.Images.Len()), false
	err := e.rows(func(i int, row []float32) error {
		features = append(features, row...)
		labels[i] = int64(e.Images.Label(i))
		labelled = labelled || labels[i] >= 0
		return nil
	})
	if err != nil {
		return err
	}
	metadata := maps.Clone(e.Metadata)
	tensors := []safetensors.Named{{Name: cacheFeatures, Tensor: onnxgraph.NewTensor([]int{e.Images.Len(), e.Dim}, features)}}
	if labelled {
		tensors = append(tensors, safetensors.Named{Name: cacheLabels, Tensor: onnxgraph.NewTensor([]int{e.Images.Len()}, labels)})
	}
	if classes := e.Images.Classes(); len(classes) > 0 {
		text, err := json.Marshal(classes)
		if err != nil {
			return err
		}
		if metadata == nil {
			metadata = map[string]string{}
		}
		metadata[classesProperty] = string(text)
	}
	return safetensors.Write(w, tensors, metadata)
}
