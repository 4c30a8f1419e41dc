package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pmx/artifacts"
	"pmx/artifacts/safetensors"
	"pmx/builders"
	"pmx/internal/require"
	"pmx/onnxgraph"
	"pmx/training"
)

// tinyCheckpoint writes the untrained state of a tiny step as a checkpoint.
func tinyCheckpoint(t *testing.T, momentum bool) string {
	t.Helper()
	r := quickstart(t)
	r.ImageSize, r.PatchSize, r.Dim, r.Depth, r.Heads, r.Hidden, r.OutDim, r.Batch, r.MomentumEncoder = 8, 4, 12, 2, 3, 8, 4, 4, momentum
	step, err := builders.Build(r.Config)
	if err != nil {
		t.Fatal(err)
	}
	architecture, err := json.Marshal(builders.Architecture(r.Config))
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "000007.safetensors")
	err = artifacts.WriteCheckpoint(path, &artifacts.Checkpoint{
		CheckpointHeader: artifacts.CheckpointHeader{Step: 7, Arch: architecture},
		Tensors:          safetensors.Sorted(step.InitialState(3)),
	})
	if err != nil {
		t.Fatal(err)
	}
	return path
}

func referenceVerifier(t *testing.T) *verifier {
	t.Helper()
	r, err := training.LookupRuntime("reference")
	if err != nil {
		t.Fatal(err)
	}
	return &verifier{runtime: r}
}

func TestExportEncoder(t *testing.T) {
	path := tinyCheckpoint(t, true)
	for _, root := range []string{builders.BaseEncoder, builders.MomentumEncoder} {
		w, err := readEncoder(path, root)
		if err != nil {
			t.Fatal(err)
		}
		if w.Step != 7 || w.Config.Dim != 12 {
			t.Errorf("readEncoder: step %d, dim %d; want 7, 12", w.Step, w.Config.Dim)
		}
		for _, o := range []builders.EncoderOptions{{}, {DynamicSize: true}, {Preprocessing: true}, {DynamicSize: true, Preprocessing: true}} {
			t.Run(fmt.Sprintf("%s/%+v", root, o), func(t *testing.T) {
				out := filepath.Join(t.TempDir(), "encoder.onnx")
				difference, err := exportEncoder(w, o, out, referenceVerifier(t))
				if err != nil || difference > 1e-6 {
					t.Errorf("difference %g, %v; want at most 1e-6 on the reference runtime", difference, err)
				}
			})
		}
	}
}

// TestDynamicSizeRefuses images whose height or width is no multiple of the patch,
// of which a convolution would cut off the rest.
func TestDynamicSizeRefuses(t *testing.T) {
	w, err := readEncoder(tinyCheckpoint(t, false), "")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"reference", "ort"} {
		runtime, err := training.LookupRuntime(name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := runtime.Version(training.Options{}); err != nil {
			require.Missing(t, err)
		}
		for _, o := range []builders.EncoderOptions{{DynamicSize: true}, {DynamicSize: true, Preprocessing: true}} {
			model, err := builders.Encoder(w.Config, w.Tensors, o)
			if err != nil {
				t.Fatal(err)
			}
			encoder, err := runtime.NewInference(model, training.Options{Threads: 1})
			if err != nil {
				t.Fatal(err)
			}
			defer encoder.Close()
			for size, fits := range map[imageSize]bool{{8, 12}: true, {12, 4}: true, {9, 8}: false, {8, 15}: false, {10, 11}: false} {
				_, err := encoder.Run(map[string]*onnxgraph.Tensor{builders.EncoderInput: encoderInput(randomImage(size), o)})
				switch {
				case fits && err != nil:
					t.Errorf("%s: %v pixels: %v", name, size, err)
				case !fits && (err == nil || !strings.Contains(err.Error(), "height_and_width_are_multiples_of_4")):
					t.Errorf("%s: %v pixels: %v, want the node that says what is wrong", name, size, err)
				}
			}
		}
	}
}

// TestDefaultEncoder: the momentum encoder where there is one.
func TestDefaultEncoder(t *testing.T) {
	for momentum, want := range map[bool]string{true: builders.MomentumEncoder, false: builders.BaseEncoder} {
		w, err := readEncoder(tinyCheckpoint(t, momentum), "")
		if err != nil {
			t.Fatal(err)
		}
		if w.Root != want {
			t.Errorf("momentum encoder %t: took %s, want %s", momentum, w.Root, want)
		}
	}
}

func TestExportWeights(t *testing.T) {
	w, err := readEncoder(tinyCheckpoint(t, false), "")
	if err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(t.TempDir(), "encoder.safetensors")
	if difference, err := exportWeights(w, out, referenceVerifier(t)); err != nil || difference != 0 {
		t.Errorf("difference %g, %v; want 0", difference, err)
	}
	list, metadata, err := safetensors.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, tensor := range list {
		names = append(names, tensor.Name)
	}
	const want = "cls_token pos_embed patch_embed.proj.weight patch_embed.proj.bias " +
		"blocks.0.norm1.weight blocks.0.norm1.bias blocks.0.attn.qkv.weight blocks.0.attn.qkv.bias blocks.0.attn.proj.weight blocks.0.attn.proj.bias"
	if got := strings.Join(names, " "); !strings.HasPrefix(got, want) || !strings.HasSuffix(got, "blocks.1.mlp.fc2.bias norm.weight norm.bias") {
		t.Errorf("tensors %s; want timm's, beginning %s", got, want)
	}
	if !strings.Contains(metadata[builders.EncoderProperty], `"num_heads":3`) {
		t.Errorf("metadata %v, want the number of heads in it", metadata)
	}
}

// TestVerifierSeesAWrongWeight changes one number of the exported file.
func TestVerifierSeesAWrongWeight(t *testing.T) {
	w, err := readEncoder(tinyCheckpoint(t, false), "")
	if err != nil {
		t.Fatal(err)
	}
	changed := *w
	changed.Tensors = map[string]*onnxgraph.Tensor{}
	for name, tensor := range w.Tensors {
		changed.Tensors[name] = tensor.Clone()
	}
	onnxgraph.Data[float32](changed.Tensors["base_encoder.blocks.1.mlp.fc1.weight"])[5] += 0.5
	out := filepath.Join(t.TempDir(), "encoder.onnx")
	v := referenceVerifier(t)
	if _, err := exportEncoder(&changed, builders.EncoderOptions{}, out, v); err != nil {
		t.Fatal(err)
	}
	if _, err := v.onnx(out, w, builders.EncoderOptions{}); err == nil || !strings.Contains(err.Error(), "differ from the training graph's") {
		t.Errorf("a wrong weight in the model passes: %v", err)
	}
	if _, err := exportWeights(&changed, out, v); err != nil {
		t.Fatal(err)
	}
	if _, err := v.weights(out, w); err == nil {
		t.Error("a wrong weight in the weights passes")
	}
}

// onesRuntime runs no model: every feature is 1.
type onesRuntime struct{ training.Runtime }

func (onesRuntime) NewInference(m *onnxgraph.Model, _ training.Options) (training.Inference, error) {
	return onesInference{m}, nil
}

type onesInference struct{ model *onnxgraph.Model }

func (o onesInference) Run(map[string]*onnxgraph.Tensor) (map[string]*onnxgraph.Tensor, error) {
	out := map[string]*onnxgraph.Tensor{}
	for _, v := range o.model.Graph.Outputs() {
		shape := v.Shape.Clone()
		shape[0] = 1
		values := make([]float32, shape.Size())
		for i := range values {
			values[i] = 1
		}
		out[v.Name] = onnxgraph.NewTensor(shape, values)
	}
	return out, nil
}

func (onesInference) Close() error { return nil }

// TestExportKeepsOldFiles: an encoder that fails its check does not replace one
// that passed, nor are its weights left beside that one.
func TestExportKeepsOldFiles(t *testing.T) {
	w, err := readEncoder(tinyCheckpoint(t, false), "")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	path := filepath.Join(dir, "encoder.onnx")
	var out strings.Builder
	if err := exportFiles(&out, w, builders.EncoderOptions{}, path, referenceVerifier(t)); err != nil {
		t.Fatal(err)
	}
	before := dirContent(t, dir)
	if len(before) != 2 || strings.Count(out.String(), "wrote ") != 2 {
		t.Fatalf("wrote %d files, said %q", len(before), out.String())
	}
	onnxgraph.Data[float32](w.Tensors["base_encoder.norm.weight"])[0]++ // so that new files differ
	out.Reset()
	err = exportFiles(&out, w, builders.EncoderOptions{}, path, &verifier{runtime: onesRuntime{}})
	if err == nil || !strings.Contains(err.Error(), "encoder.onnx was not written (an older one is untouched): its features differ") {
		t.Errorf("error %v", err)
	}
	if out.Len() > 0 {
		t.Errorf("announced %q", out.String())
	}
	if after := dirContent(t, dir); !maps.Equal(before, after) {
		t.Errorf("the folder's %d files changed", len(after))
	}
	if err := exportFiles(&out, w, builders.EncoderOptions{}, path, referenceVerifier(t)); err != nil {
		t.Fatal(err)
	}
	for name, content := range dirContent(t, dir) {
		if before[name] == content {
			t.Errorf("%s was not replaced by a good one", name)
		}
	}
}

// TestExportCountsPasses: the passes that are announced are made, and no more.
func TestExportCountsPasses(t *testing.T) {
	w, err := readEncoder(tinyCheckpoint(t, false), "")
	if err != nil {
		t.Fatal(err)
	}
	for dynamic, want := range map[bool]int64{false: 2, true: 3} {
		v := referenceVerifier(t)
		v.stderr = io.Discard
		end := v.begin("encoder.onnx", builders.EncoderOptions{DynamicSize: dynamic})
		total := v.bar.total
		end()
		err := exportFiles(io.Discard, w, builders.EncoderOptions{DynamicSize: dynamic}, filepath.Join(t.TempDir(), "encoder.onnx"), v)
		if err != nil || v.passes != want || total != want {
			t.Errorf("dynamic %t: %d passes of %d, want %d; error %v", dynamic, v.passes, total, want, err)
		}
	}
}

// dirContent maps the names in a folder to what the files hold.
func dirContent(t *testing.T, dir string) map[string]string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	content := map[string]string{}
	for _, e := range entries {
		data, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		content[e.Name()] = string(data)
	}
	return content
}

// TestExportNames: the ending says what is written; nothing else is accepted.
func TestExportNames(t *testing.T) {
	w, err := readEncoder(tinyCheckpoint(t, false), "")
	if err != nil {
		t.Fatal(err)
	}
	dynamic := builders.EncoderOptions{DynamicSize: true}
	for _, c := range []struct {
		name    string
		options builders.EncoderOptions
		want    string // the files, or what is in the error
	}{
		{"a.onnx", dynamic, "a.onnx a.safetensors"},
		{"b.safetensors", builders.EncoderOptions{}, "b.safetensors"},
		{"c.safetensors", dynamic, "weights have no input to shape"},
		{"d.pt", builders.EncoderOptions{}, "want a name that ends in .onnx"},
		{"e", builders.EncoderOptions{}, "want a name that ends in .onnx"},
	} {
		dir := t.TempDir()
		err := exportFiles(io.Discard, w, c.options, filepath.Join(dir, c.name), referenceVerifier(t))
		got := strings.Join(slices.Sorted(maps.Keys(dirContent(t, dir))), " ")
		if err != nil {
			got += err.Error()
		}
		if !strings.Contains(got, c.want) || (err == nil) != (got == c.want) {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}

func TestReadEncoderErrors(t *testing.T) {
	good := tinyCheckpoint(t, false)
	foreign := filepath.Join(t.TempDir(), "foreign.safetensors")
	if err := safetensors.WriteFile(foreign, nil, nil); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(good)
	if err != nil {
		t.Fatal(err)
	}
	cut := filepath.Join(t.TempDir(), "cut.safetensors")
	if err := os.WriteFile(cut, data[:len(data)/2], 0o666); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		path, root, want string
	}{
		{good, builders.MomentumEncoder, "trained without a momentum encoder"},
		{foreign, "", "not a checkpoint of pmx"},
		{cut, "", "cut.safetensors"},
		{filepath.Join(t.TempDir(), "none"), "", "name a run or a checkpoint"},
		{t.TempDir(), "", "choose the folder of a run"},
	} {
		if _, err := readEncoder(c.path, c.root); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("readEncoder(%s): %v, want %q in it", filepath.Base(c.path), err, c.want)
		}
	}
}
