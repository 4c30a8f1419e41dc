package weights

import "pmx/artifacts/torchfile"

// torchvisionNames are those of torchvision.models.VisionTransformer; its older files
// call the MLP's layers linear_1 and linear_2.
var torchvisionNames = newNameTable(
	"cls_token", "class_token",
	"pos_embed", "encoder.pos_embedding",
	"patch_embed.proj", "conv_proj",
	"blocks.#.norm1", "encoder.layers.encoder_layer_#.ln_1",
	"blocks.#.attn.qkv.weight", "encoder.layers.encoder_layer_#.self_attention.in_proj_weight",
	"blocks.#.attn.qkv.bias", "encoder.layers.encoder_layer_#.self_attention.in_proj_bias",
	"blocks.#.attn.proj", "encoder.layers.encoder_layer_#.self_attention.out_proj",
	"blocks.#.norm2", "encoder.layers.encoder_layer_#.ln_2",
	"blocks.#.mlp.fc1", "encoder.layers.encoder_layer_#.mlp.0",
	"blocks.#.mlp.fc2", "encoder.layers.encoder_layer_#.mlp.3",
	"blocks.#.mlp.fc1", "encoder.layers.encoder_layer_#.mlp.linear_1",
	"blocks.#.mlp.fc2", "encoder.layers.encoder_layer_#.mlp.linear_2",
	"norm", "encoder.ln",
)

// torchvision, https://github.com/pytorch/vision: vit_b_16 and the others.
var _ = register("torchvision", &Layout{
	Title: "torchvision",
	Recognise: func(s *Source) []Branch {
		is := func(dict *StateDict) bool { return dict.Has("encoder.pos_embedding") }
		if root, dict := s.Find(is, "", "model", "state_dict"); dict != nil {
			return []Branch{{Root: root}}
		}
		return nil
	},
	Rename: torchvisionNames.ours,
	Drop:   []string{"heads.*"},
	Rule:   RuleSize,
	Heads:  map[int]int{768: 12, 1024: 16, 1280: 16},
})

var _ = newFormat("torchvision", Format{
	Help: "a PyTorch state_dict for torchvision's VisionTransformer, without heads.*: load_state_dict(..., strict=False)",
	Ext:  ".pth",
	write: func(path string, e *Encoder) error {
		return torchfile.WriteFile(path, stateDict(e.renamed(torchvisionNames.theirs)))
	},
})
