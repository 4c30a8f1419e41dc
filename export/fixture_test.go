package export

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"testing"

	"pmx/artifacts/safetensors"
	"pmx/builders"
	"pmx/onnxgraph"
)

// TestExportHasThePublishedFeatures: the exported file gives the features that the
// published code recorded, of its weights after the last step. The verification of an
// export compares two graphs of our builders, to which a wrong constant of theirs, such
// as the LayerNorm's epsilon, is right.
func TestExportHasThePublishedFeatures(t *testing.T) {
	tensors, metadata, err := safetensors.ReadFile("../runtimes/testdata/fixtures/small_three_way.safetensors")
	if err != nil {
		t.Fatal(err)
	}
	var c struct {
		Img, Patch, Dim, Depth, Heads, Steps int
		MLPRatio                             int `json:"mlp_ratio"`
	}
	if err := json.Unmarshal([]byte(metadata["config"]), &c); err != nil {
		t.Fatal(err)
	}
	recorded := map[string]*onnxgraph.Tensor{}
	for _, x := range tensors {
		recorded[x.Name] = x.Tensor
	}
	last := fmt.Sprintf("step%d/param/%s", c.Steps-1, builders.BaseEncoder)
	e := &Encoder{
		Config: builders.ViTConfig{ImageSize: c.Img, PatchSize: c.Patch, Dim: c.Dim, Depth: c.Depth, Heads: c.Heads, MLPRatio: c.MLPRatio},
		Root:   builders.BaseEncoder, Tensors: builders.Under(last, recorded),
	}
	path := filepath.Join(t.TempDir(), "encoder.onnx")
	if _, err := e.Write(t.Context(), path, builders.EncoderOptions{}, referenceVerifier(t)); err != nil {
		t.Fatal(err)
	}
	model, err := onnxgraph.ReadModelFile(path)
	if err != nil {
		t.Fatal(err)
	}
	out, err := onnxgraph.NewEvaluator(model.Graph).Run(map[string]*onnxgraph.Tensor{builders.EncoderInput: recorded["features/input"]})
	if err != nil {
		t.Fatal(err)
	}
	for _, output := range []string{builders.EncoderClass, builders.EncoderTokens} {
		want := recorded["features/"+output].Float64s()
		if got := farthest(out[output].Float64s(), want); !(got <= 1e-6) { // of the largest: float32 rounding of the recording
			t.Errorf("%s differs by %.2g of the largest", output, got)
		}
	}
}
