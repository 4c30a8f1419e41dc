package weights

import "pmx/artifacts/torchfile"

// mmpretrainNames are those of OpenMMLab's VisionTransformer; mmcv's older attention has
// PyTorch's MultiheadAttention in it.
var mmpretrainNames = newNameTable(
	"patch_embed.proj", "patch_embed.projection",
	"blocks.#.norm1", "layers.#.ln1",
	"blocks.#.attn.qkv", "layers.#.attn.qkv",
	"blocks.#.attn.proj", "layers.#.attn.proj",
	"blocks.#.norm2", "layers.#.ln2",
	"blocks.#.mlp.fc1", "layers.#.ffn.layers.0.0",
	"blocks.#.mlp.fc2", "layers.#.ffn.layers.1",
	"norm", "ln1",
	"cls_token", "cls_token",
	"pos_embed", "pos_embed",
	"blocks.#.attn.qkv.weight", "layers.#.attn.attn.in_proj_weight",
	"blocks.#.attn.qkv.bias", "layers.#.attn.attn.in_proj_bias",
	"blocks.#.attn.proj", "layers.#.attn.attn.out_proj",
	"blocks.#.ls1.gamma", "layers.#.gamma1.weight",
	"blocks.#.ls2.gamma", "layers.#.gamma2.weight",
)

// mmpretrainPrefix is the backbone's in a model of OpenMMLab's.
const mmpretrainPrefix = "backbone."

// OpenMMLab: mmpretrain, mmdetection, mmsegmentation. Of whole models the backbone is
// taken.
var _ = register("mmpretrain", &Layout{
	Title: "OpenMMLab",
	Recognise: func(s *Source) []Branch {
		for _, prefix := range []string{mmpretrainPrefix, ""} {
			is := func(dict *StateDict) bool {
				return dict.HasPrefix(prefix+"patch_embed.projection.") && dict.HasPrefix(prefix+"layers.0.ln1.")
			}
			if root, dict := s.Find(is, "state_dict", ""); dict != nil {
				return []Branch{{Root: root, Prefix: prefix}}
			}
		}
		return nil
	},
	Rename: mmpretrainNames.ours,
	Beside: []string{"*"},
	Rule:   RuleSize,
})

var _ = newFormat("mmpretrain", Format{
	Help: "a PyTorch file for OpenMMLab's VisionTransformer: init_cfg=dict(type='Pretrained', checkpoint=FILE, prefix='backbone.')",
	Ext:  ".pth",
	write: func(path string, e *Encoder) error {
		list := e.renamed(func(name string) string { return mmpretrainPrefix + mmpretrainNames.theirs(name) })
		return torchfile.WriteFile(path, e.wrapped("state_dict", list))
	},
})
