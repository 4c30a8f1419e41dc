package weights

import (
	"path"
	"slices"
	"strings"
)

// refusals are keys, under timm's names, of graphs that are not the plain vision
// transformer, with what they are. The first that a file has is named.
var refusals = []struct{ pattern, why string }{
	{"dist_token", "a distilled DeiT: a distillation token with a position of its own, another graph"},
	{"head_dist.*", "a distilled DeiT: a distillation token with a position of its own, another graph"},
	{"register_tokens", "register tokens (arXiv 2309.16588): another graph"},
	{"reg_token", "register tokens (arXiv 2309.16588): another graph"},
	{"storage_tokens", "storage tokens of DINOv3: another architecture"},
	{"rope*", "rotary positions: another architecture"},
	{"patch_embed.proj.0.*", "a convolutional stem (patch_embed.proj.0, ...) instead of one patch embedding: another graph"},
	{"patch_embed.backbone.*", "a hybrid with a convolutional backbone: another architecture"},
	{"norm_pre.*", "pre-norm (norm_pre, as in CLIP): another graph"},
	{"blocks.*.mlp.w12.*", "SwiGLU (mlp.w12, mlp.w3) instead of GELU: another graph"},
	{"blocks.*.mlp.fc1_g.*", "SwiGLU (mlp.fc1_g) instead of GELU: another graph"},
	{"blocks.*.attn.q_norm.*", "normalised queries and keys (attn.q_norm, attn.k_norm): another graph"},
	{"blocks.*.attn.q_bias", "queries and values with a bias, keys without (BEiT): another graph"},
	{"*relative_position_bias_table", "relative positions: another graph"},
	{"attn_pool.*", "attention pooling instead of a class token: another graph"},
	{"fc_norm.*", "fc_norm instead of norm: a model of pooled features (a fine-tuned MAE), not of a class token"},
}

// refusal says why a file of these names, timm's, cannot be taken, "" if it can.
func refusal(names []string) string {
	for _, r := range refusals {
		if slices.ContainsFunc(names, func(name string) bool { return matches(r.pattern, name) }) {
			return r.why
		}
	}
	has := func(name string) bool { return slices.Contains(names, name) }
	switch {
	case has("blocks.0.norm1.weight") && has("patch_embed.proj.weight") && !has("cls_token"):
		return "it has no class token (cls_token): another graph"
	case has("blocks.0.attn.qkv.weight") && !has("blocks.0.attn.qkv.bias") && has("blocks.0.attn.proj.bias"):
		return "queries, keys and values without a bias (attn.qkv.bias): another graph"
	case has("blocks.0.norm1.weight") && !has("pos_embed"):
		return "it has no learned positions (pos_embed): another graph"
	}
	return ""
}

// matches is path.Match, whose * stands for anything in keys without slashes.
func matches(pattern, key string) bool {
	ok, _ := path.Match(pattern, strings.ReplaceAll(key, "/", "."))
	return ok
}

func matchesAny(patterns []string, key string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool { return matches(p, key) })
}
