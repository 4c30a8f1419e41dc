package weights_test

import (
	"fmt"
	"log"
	"os"
	"path/filepath"

	"pmx/artifacts/torchfile"
	"pmx/artifacts/weights"
	"pmx/onnxgraph"
)

// A state_dict under timm's names becomes a folder for transformers. Its heads are
// not in the file.
func Example() {
	dir, err := os.MkdirTemp("", "")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "vit.pth")
	if err := torchfile.WriteFile(path, zeroViT()); err != nil {
		log.Fatal(err)
	}

	encoder, report, err := weights.Read(path, weights.Options{Heads: 2})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%s: %d px, patch %d, width %d, %d heads (%s)\n", report.Layout, encoder.ImageSize, encoder.PatchSize, encoder.Dim, encoder.Heads, report.HeadsFrom)
	fmt.Println("dropped:", report.Dropped)
	if err := weights.Write(filepath.Join(dir, "vit"), "transformers", encoder); err != nil {
		log.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(dir, "vit", "*"))
	if err != nil {
		log.Fatal(err)
	}
	for _, file := range files {
		fmt.Println(filepath.Base(file))
	}
	// Output:
	// timm: 4 px, patch 2, width 4, 2 heads (given)
	// dropped: [head.weight]
	// config.json
	// model.safetensors
	// preprocessor_config.json
}

// zeroViT is one block of width 4 for images of 2 x 2 patches, with a classifier.
func zeroViT() *torchfile.Dict {
	state := &torchfile.Dict{}
	set := func(name string, shape ...int) { state.Set(name, onnxgraph.Zeros(onnxgraph.Float32, shape)) }
	set("cls_token", 1, 1, 4)
	set("pos_embed", 1, 5, 4)
	set("patch_embed.proj.weight", 4, 3, 2, 2)
	set("patch_embed.proj.bias", 4)
	for _, norm := range []string{"blocks.0.norm1", "blocks.0.norm2", "norm"} {
		set(norm+".weight", 4)
		set(norm+".bias", 4)
	}
	for _, layer := range []struct {
		name    string
		out, in int
	}{{"blocks.0.attn.qkv", 12, 4}, {"blocks.0.attn.proj", 4, 4}, {"blocks.0.mlp.fc1", 16, 4}, {"blocks.0.mlp.fc2", 4, 16}} {
		set(layer.name+".weight", layer.out, layer.in)
		set(layer.name+".bias", layer.out)
	}
	set("head.weight", 10, 4)
	return state
}
