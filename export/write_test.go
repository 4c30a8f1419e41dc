package export

import (
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pmx/artifacts/safetensors"
	"pmx/builders"
	"pmx/onnxgraph"
)

// TestWriteNames: the ending says what is written; nothing else is accepted.
func TestWriteNames(t *testing.T) {
	e := tinyEncoder(t)
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
		{".onnx", builders.EncoderOptions{}, "want a name before the ending"},
		{".safetensors", builders.EncoderOptions{}, "want a name before the ending"},
	} {
		dir := t.TempDir()
		files, err := e.Write(t.Context(), filepath.Join(dir, c.name), c.options, referenceVerifier(t))
		there := slices.Sorted(maps.Keys(dirContent(t, dir)))
		got := strings.Join(there, " ")
		if err != nil {
			got += err.Error()
		}
		if !strings.Contains(got, c.want) || (err == nil) != (got == c.want) {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
		var told []string
		for _, f := range files {
			told = append(told, filepath.Base(f.Path))
		}
		if !slices.Equal(told, there) { // the model is first in both
			t.Errorf("%s: told of %v, there are %v", c.name, told, there)
		}
	}
}

// TestWrittenWeights have timm's names in the order of the forward pass, and the
// architecture.
func TestWrittenWeights(t *testing.T) {
	e := tinyEncoder(t)
	path := filepath.Join(t.TempDir(), "encoder.safetensors")
	files, err := e.Write(t.Context(), path, builders.EncoderOptions{}, referenceVerifier(t))
	if err != nil || len(files) != 1 || files[0].Difference != 0 {
		t.Fatalf("files %v, %v; want one of difference 0", files, err)
	}
	list, metadata, err := safetensors.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, tensor := range list {
		names = append(names, tensor.Name)
		if string(tensor.Bytes()) != string(e.Tensors[""+tensor.Name].Bytes()) {
			t.Errorf("%s is not the encoder's", tensor.Name)
		}
	}
	const want = "cls_token pos_embed patch_embed.proj.weight patch_embed.proj.bias " +
		"blocks.0.norm1.weight blocks.0.norm1.bias blocks.0.attn.qkv.weight blocks.0.attn.qkv.bias blocks.0.attn.proj.weight blocks.0.attn.proj.bias"
	if got := strings.Join(names, " "); !strings.HasPrefix(got, want) || !strings.HasSuffix(got, "blocks.1.mlp.fc2.bias norm.weight norm.bias") {
		t.Errorf("tensors %s; want timm's, beginning %s", got, want)
	}
	if !strings.Contains(metadata[builders.EncoderProperty], `"num_heads":3`) || metadata[StepsProperty] != "7" {
		t.Errorf("metadata %v, want the number of heads in it and that of steps, 7", metadata)
	}
}

// TestWriteKeepsOldFiles: an encoder that fails its check does not replace one
// that passed, nor are its weights left beside that one.
func TestWriteKeepsOldFiles(t *testing.T) {
	e := tinyEncoder(t)
	dir := t.TempDir()
	path := filepath.Join(dir, "encoder.onnx")
	if _, err := e.Write(t.Context(), path, builders.EncoderOptions{}, referenceVerifier(t)); err != nil {
		t.Fatal(err)
	}
	before := dirContent(t, dir)
	if len(before) != 2 {
		t.Fatalf("wrote %d files", len(before))
	}
	onnxgraph.Data[float32](e.Tensors["norm.weight"])[0]++ // so that new files differ
	files, err := e.Write(t.Context(), path, builders.EncoderOptions{}, &Verifier{Runtime: onesRuntime{}})
	if err == nil || !strings.Contains(err.Error(), "encoder.onnx was not written (an older one is untouched): its features differ") {
		t.Errorf("error %v", err)
	}
	if len(files) > 0 {
		t.Errorf("announced %v", files)
	}
	if after := dirContent(t, dir); !maps.Equal(before, after) {
		t.Errorf("the folder's %d files changed", len(after))
	}
	if _, err := e.Write(t.Context(), path, builders.EncoderOptions{}, referenceVerifier(t)); err != nil {
		t.Fatal(err)
	}
	for name, content := range dirContent(t, dir) {
		if before[name] == content {
			t.Errorf("%s was not replaced by a good one", name)
		}
	}
}

// TestWriteKeepsCheckpoints: no export replaces a checkpoint, its own or another's,
// under whatever name, nor what is no regular file; an encoder's weights it does.
func TestWriteKeepsCheckpoints(t *testing.T) {
	checkpoint := tinyCheckpoint(t, false)
	dir := filepath.Dir(checkpoint)
	e, err := ReadEncoder(t.Context(), checkpoint, "")
	if err != nil {
		t.Fatal(err)
	}
	for name, to := range map[string]string{"link.safetensors": "000007.safetensors", "dangling.onnx": "none", "m.onnx": "elsewhere"} {
		if err := os.Symlink(to, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"hard.safetensors", "model.onnx", "large.onnx.data"} {
		if err := os.Link(checkpoint, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(dir, "folder.safetensors"), 0o777); err != nil {
		t.Fatal(err)
	}
	before, err := os.ReadFile(checkpoint)
	if err != nil {
		t.Fatal(err)
	}
	const isCheckpoint, isLink = "is the checkpoint of a run and is not replaced: choose another name (--out)", "is a symbolic link: remove it, or put the file that it leads to in its place"
	for name, want := range map[string]string{
		"000007.safetensors": "000007.safetensors " + isCheckpoint,
		"000007.onnx":        "000007.safetensors " + isCheckpoint,
		"hard.onnx":          "hard.safetensors " + isCheckpoint,
		"model.onnx":         "model.onnx " + isCheckpoint,
		"large.onnx":         "large.onnx.data " + isCheckpoint,
		"link.onnx":          isLink,
		"dangling.onnx":      isLink,
		"m.onnx":             isLink,
		"folder.onnx":        "is a directory: name a file in it",
	} {
		v := &Verifier{Progress: func(int64, int64) { t.Errorf("%s: it has begun to compute", name) }}
		if _, err := e.Write(t.Context(), filepath.Join(dir, name), builders.EncoderOptions{}, v); err == nil || !strings.HasSuffix(err.Error(), want) {
			t.Errorf("%s: error %v, want %q", name, err, want)
		}
	}
	if after, err := os.ReadFile(checkpoint); err != nil || string(after) != string(before) {
		t.Errorf("the checkpoint was changed, %v", err)
	}
	for range 2 { // what it wrote itself it replaces
		if _, err := e.Write(t.Context(), filepath.Join(dir, "weights.safetensors"), builders.EncoderOptions{}, referenceVerifier(t)); err != nil {
			t.Error(err)
		}
	}
}

// TestWriteStops wherever it looks at its context, which is before every operator of
// every pass, and leaves nothing.
func TestWriteStops(t *testing.T) {
	e := tinyEncoder(t)
	write := func(ctx *stopAt, dir string) error {
		_, err := e.Write(ctx, filepath.Join(dir, "encoder.onnx"), builders.EncoderOptions{DynamicSize: true}, referenceVerifier(t))
		return err
	}
	whole := newStopAt(t, 0)
	if err := write(whole, t.TempDir()); err != nil {
		t.Fatal(err)
	}
	g, _, err := e.trainingGraph(e.trainedSize())
	if err != nil {
		t.Fatal(err)
	}
	if least := 3*len(g.Nodes()) + 2; whole.looks < least {
		t.Fatalf("it looks at its context %d times, want %d: for each operator of three passes, and each file", whole.looks, least)
	}
	dir := t.TempDir()
	for n := whole.looks; n > 0; n -= 1 + whole.looks/50 {
		ctx := newStopAt(t, n)
		if err := write(ctx, dir); !errors.Is(err, errStopped) || ctx.after() > 1 {
			t.Errorf("stopped at look %d: error %v, %d looks after it", n, err, ctx.after())
		}
		if left := dirContent(t, dir); len(left) > 0 {
			t.Fatalf("stopped at look %d: left %v", n, slices.Sorted(maps.Keys(left)))
		}
	}
}
