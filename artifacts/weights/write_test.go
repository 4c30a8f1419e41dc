package weights_test

import (
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"pmx/artifacts/safetensors"
	"pmx/artifacts/torchfile"
	"pmx/artifacts/weights"
	"pmx/builders"
	"pmx/internal/errtest"
	"pmx/onnxgraph"
)

// sample is the recorded encoder with values that no default has.
func sample(t testing.TB) *weights.Encoder {
	t.Helper()
	e, _, err := weights.Read(fixture{File: "dino_bare.pth"}.path(), weights.Options{Heads: 3})
	if err != nil {
		manifest(t) // missing fixtures are told there
		t.Fatal(err)
	}
	e.Mean, e.Std = [3]float32{0.1, 0.2, 0.3}, [3]float32{0.25, 0.5, 0.75}
	e.Metadata = map[string]string{"pmx.trained_steps": "7", weights.ResizeProperty: "size 8x8 to 4x4"}
	return e
}

func outputPath(t testing.TB, format string) string {
	t.Helper()
	f, err := weights.FormatNamed(format)
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Join(t.TempDir(), "encoder"+f.Ext)
}

// TestRoundTrip: what is written in a format is read as it was, every bit, every key
// taken, and all that is said about it where the format has a place for it.
func TestRoundTrip(t *testing.T) {
	want := sample(t)
	for _, format := range weights.Formats() {
		t.Run(format, func(t *testing.T) {
			path := outputPath(t, format)
			if err := weights.Write(path, format, want); err != nil {
				t.Fatal(err)
			}
			bare := format == "pth" || format == "torchvision" // a dictionary of tensors only
			options := weights.Options{}
			if bare {
				options.Heads = 3
			}
			got, report, err := weights.Read(path, options)
			if err != nil {
				t.Fatal(err)
			}
			equalTensors(t, format, got.Tensors, want.Tensors)
			if len(report.Dropped) > 0 || len(report.Beside) > 0 || len(report.Notes) > 0 {
				t.Errorf("report %+v", report)
			}
			if bare {
				got.Mean, got.Std, got.Metadata = want.Mean, want.Std, want.Metadata
			}
			if got.Architecture != want.Architecture {
				t.Errorf("architecture %+v, want %+v", got.Architecture, want.Architecture)
			}
			if !reflect.DeepEqual(got.Metadata, want.Metadata) {
				t.Errorf("metadata %v, want %v", got.Metadata, want.Metadata)
			}
			again := outputPath(t, format)
			if err := weights.Write(again, format, want); err != nil {
				t.Fatal(err)
			}
			if a, b := contents(t, path), contents(t, again); !reflect.DeepEqual(a, b) {
				t.Error("two files of one encoder differ")
			}
		})
	}
}

// contents reads a file, or the files of a folder.
func contents(t testing.TB, path string) map[string]string {
	t.Helper()
	out := map[string]string{}
	err := filepath.WalkDir(path, func(p string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		data, err := os.ReadFile(p)
		out[strings.TrimPrefix(p, path)] = string(data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// TestWrittenKeys: the names that each program looks for.
func TestWrittenKeys(t *testing.T) {
	e := sample(t)
	for format, want := range map[string][]string{
		"pth":         {"blocks.1.attn.qkv.weight", "norm.bias"},
		"detectron2":  {"model/backbone.net.blocks.1.attn.qkv.weight", "model/backbone.net.pos_embed", "pmx/pmx.encoder"},
		"mmpretrain":  {"state_dict/backbone.layers.1.ffn.layers.0.0.weight", "state_dict/backbone.ln1.bias", "state_dict/backbone.patch_embed.projection.weight"},
		"torchvision": {"class_token", "encoder.layers.encoder_layer_1.self_attention.in_proj_weight", "encoder.layers.encoder_layer_1.mlp.3.bias", "encoder.ln.weight"},
	} {
		path := outputPath(t, format)
		if err := weights.Write(path, format, e); err != nil {
			t.Fatal(err)
		}
		r, err := torchfile.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		for _, key := range want {
			object := r.Object()
			for part := range strings.SplitSeq(key, "/") {
				object, _ = object.(*torchfile.Dict).Get(part)
			}
			if object == nil {
				t.Errorf("%s: no %s", format, key)
			}
		}
	}
	for format, want := range map[string][]string{
		"timm":         {"cls_token", "blocks.0.mlp.fc2.bias"},
		"transformers": {"embeddings.cls_token", "encoder.layer.1.attention.attention.key.bias", "layernorm.weight"},
	} {
		dir := outputPath(t, format)
		if err := weights.Write(dir, format, e); err != nil {
			t.Fatal(err)
		}
		r, err := safetensors.Open(filepath.Join(dir, safetensors.ModelFile))
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		if r.Metadata()["format"] != "pt" {
			t.Errorf("%s: metadata %v", format, r.Metadata())
		}
		for _, key := range want {
			if _, ok := r.Info(key); !ok {
				t.Errorf("%s: no %s", format, key)
			}
		}
		var config map[string]any
		if err := json.Unmarshal([]byte(contents(t, dir)["/config.json"]), &config); err != nil {
			t.Fatal(err)
		}
		if heads := config["num_attention_heads"]; format == "transformers" && heads != 3.0 {
			t.Errorf("%v heads", heads)
		}
	}
}

func TestWriteRefusals(t *testing.T) {
	e, dir := sample(t), t.TempDir()
	err := weights.Write(filepath.Join(dir, "x.pth"), "tim", e)
	errtest.OneLine(t, err, `"tim"`, `did you mean "timm"?`)
	err = weights.Write(filepath.Join(dir, "x.pt"), "pth", e)
	errtest.OneLine(t, err, "x.pt", "ends in .pth")
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o666); err != nil {
		t.Fatal(err)
	}
	err = weights.Write(file, "timm", e)
	errtest.OneLine(t, err, file, "is a folder, choose another name")

	delete(e.Tensors, "norm.bias")
	for _, format := range weights.Formats() {
		path := outputPath(t, format)
		err := weights.Write(path, format, e)
		errtest.OneLine(t, err, "no norm.bias of float[24]")
		if _, err := os.Stat(path); err == nil {
			t.Errorf("%s: something appeared", format)
		}
	}
	e.Heads = 5
	errtest.OneLine(t, weights.Write(filepath.Join(dir, "x.pth"), "pth", e), "not a vision transformer")
}

// TestFolderIsReplacedWhole: a folder whose config.json cannot be replaced keeps its
// older files, and what else lies in it.
func TestFolderIsReplacedWhole(t *testing.T) {
	e, dir := sample(t), t.TempDir()
	older := filepath.Join(dir, safetensors.ModelFile)
	for _, path := range []string{older, filepath.Join(dir, "notes.txt")} {
		if err := os.WriteFile(path, []byte("older"), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(dir, "config.json"), 0o777); err != nil {
		t.Fatal(err)
	}
	errtest.OneLine(t, weights.Write(dir, "timm", e), "config.json")
	if data, err := os.ReadFile(older); err != nil || string(data) != "older" {
		t.Errorf("model.safetensors was replaced: %v", err)
	}
	if err := os.Remove(filepath.Join(dir, "config.json")); err != nil {
		t.Fatal(err)
	}
	if err := weights.Write(dir, "timm", e); err != nil {
		t.Fatal(err)
	}
	files := contents(t, dir)
	if len(files) != 3 || files["/notes.txt"] != "older" || files["/model.safetensors"] == "older" {
		t.Errorf("%d files", len(files))
	}
}

// TestSameWordsAsTheGraph: the names and metadata of files are those of the graph's
// builders, which this package cannot import.
func TestSameWordsAsTheGraph(t *testing.T) {
	if weights.EncoderProperty != builders.EncoderProperty {
		t.Errorf("the metadata is %s, the graph's %s", weights.EncoderProperty, builders.EncoderProperty)
	}
	e := sample(t)
	c := builders.ViTConfig{ImageSize: e.ImageSize, PatchSize: e.PatchSize, Dim: e.Dim, Depth: e.Depth, Heads: e.Heads, MLPRatio: int(e.MLPRatio)}
	ours := builders.Architecture(c)
	e.Mean, e.Std = ours.Mean, ours.Std
	want, err := json.Marshal(ours)
	if err != nil {
		t.Fatal(err)
	}
	got, err := json.Marshal(e.Architecture)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != string(want) {
		t.Errorf("architecture %s, the graph's %s", got, want)
	}
	var names []string
	_, err = onnxgraph.Build("vit", func(g *onnxgraph.Graph) {
		params := builders.NewParams(func(p *builders.Param) *onnxgraph.Value {
			names = append(names, strings.TrimPrefix(p.Name, builders.BaseEncoder+"."))
			return g.NamedConst(p.Name, e.Tensors[names[len(names)-1]])
		})
		x := g.Input("image", onnxgraph.Float32, 1, 3, e.ImageSize, e.ImageSize)
		g.Output("tokens", builders.NewViT(params.Root(builders.BaseEncoder), c).Forward(x, builders.DropPath{}))
	})
	if err != nil {
		t.Fatal(err)
	}
	if want := weights.ParameterNames(e.Depth); !reflect.DeepEqual(names, want) {
		t.Errorf("parameters %v, the graph's %v", want, names)
	}
}
