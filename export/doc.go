// Package export takes a trained encoder out of a run: it reads the weights from a
// checkpoint, writes them as an ONNX model and as safetensors, and compares what was
// written with the training graph, which is computed in float64.
//
//	encoder, err := export.ReadEncoder(ctx, "runs/mine", "")
//	files, err := encoder.Write(ctx, "mine.onnx", builders.EncoderOptions{}, &export.Verifier{Runtime: runtime})
//
// Everything that takes long stops soon after its context is done, with the context's
// cause as the error, and leaves the files that were there as they were.
package export
