package weights

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"pmx/artifacts/safetensors"
)

// timmHeads are keys of timm's classifiers, which are not of the trunk.
var timmHeads = []string{"head.*", "pre_logits.*"}

// timm, https://github.com/huggingface/pytorch-image-models: a folder or a repository of
// the hub with config.json, or a classifier's state_dict. Its VisionTransformer's names
// are the ones that all others are translated to.
var _ = register("timm", &Layout{
	Title: "timm",
	Recognise: func(s *Source) []Branch {
		_, hub := s.Config["architecture"]
		is := func(dict *StateDict) bool {
			return looksLikeTimm(dict, "") && (hub || dict.Has("head.weight") || isNoEmbedClass(dict)) && !dict.Has("mask_token") && !dict.Has("masked_embed")
		}
		if root, dict := s.Find(is, "", "state_dict", "model_ema"); dict != nil {
			return []Branch{{Root: root}}
		}
		return nil
	},
	Drop:      timmHeads,
	Rule:      RuleAntialias,
	Configure: configureTimm,
})

// isNoEmbedClass: timm alone has positions without a row for the class token (DeiT III).
func isNoEmbedClass(dict *StateDict) bool {
	shape := dict.values["pos_embed"].shape
	return len(shape) == 3 && squareRoot(shape[1]) > 0 && squareRoot(shape[1]-1) == 0
}

// timmWidths are the widths and heads of timm's models by the word in their names.
var timmWidths = map[string]struct{ dim, heads int }{
	"tiny": {192, 3}, "small": {384, 6}, "base": {768, 12}, "large": {1024, 16}, "huge": {1280, 16}, "giant": {1408, 16}, "gigantic": {1664, 16},
}

// TimmHeads is the number of attention heads of timm's model of a width, 0 if it has
// none of it.
func TimmHeads(dim int) int {
	for _, w := range timmWidths {
		if w.dim == dim {
			return w.heads
		}
	}
	return 0
}

// timmArgs are the model_args that change nothing of the graph, or that the weights
// show; others are refused.
var timmArgs = []string{
	"img_size", "patch_size", "embed_dim", "depth", "num_heads", "mlp_ratio", "num_classes", "in_chans", "qkv_bias", "init_values", "no_embed_class", "class_token",
	"global_pool", "dynamic_img_size", "dynamic_img_pad", "drop_rate", "drop_path_rate", "pos_drop_rate", "proj_drop_rate", "attn_drop_rate", "weight_init",
}

// configureTimm reads config.json: model_args, or the heads of the architecture's name,
// and pretrained_cfg's normalisation.
func configureTimm(s *Source, settings *Settings) error {
	if s.Config == nil {
		settings.Notes = append(settings.Notes, "the file does not say how pixels are normalised: ImageNet's mean and std are taken (timm's augreg models have 0.5)")
		return nil
	}
	name, _ := s.Config["architecture"].(string)
	if args, ok := s.Config["model_args"].(map[string]any); ok {
		for key := range args {
			if !slices.Contains(timmArgs, key) {
				return fmt.Errorf("%s has model_args.%.60s: another graph", configFile, key)
			}
		}
		settings.Heads = wholeNumber(args["num_heads"])
		settings.ImageSize, settings.PatchSize = wholeNumber(args["img_size"]), wholeNumber(args["patch_size"])
		settings.Dim, settings.Depth = wholeNumber(args["embed_dim"]), wholeNumber(args["depth"])
	}
	if parts := strings.Split(name, "_"); settings.Heads == 0 && len(parts) > 1 && (parts[0] == "vit" || parts[0] == "deit" || parts[0] == "deit3") {
		settings.Heads = timmWidths[parts[1]].heads
		settings.HeadsFrom = fmt.Sprintf("%s (%.60s)", configFile, name)
	}
	cfg, ok := s.Config["pretrained_cfg"].(map[string]any)
	if !ok {
		cfg = s.Config // as older files have it
	}
	return setNormalisation(settings, cfg["mean"], cfg["std"])
}

// wholeNumber is a JSON number, 0 if it is absent or not whole.
func wholeNumber(v any) int {
	f, _ := v.(float64)
	if f != float64(int(f)) {
		return 0
	}
	return int(f)
}

// setNormalisation takes mean and std of a JSON file, if it has them.
func setNormalisation(settings *Settings, mean, std any) error {
	for _, n := range []struct {
		dst  *[3]float32
		name string
		list any
	}{{&settings.Mean, "mean", mean}, {&settings.Std, "std", std}} {
		if n.list == nil {
			continue
		}
		list, _ := n.list.([]any)
		if len(list) != len(n.dst) {
			return fmt.Errorf("%s of %.100v: want three numbers", n.name, n.list)
		}
		for i, v := range list {
			f, ok := v.(float64)
			if !ok || n.name == "std" && f <= 0 {
				return fmt.Errorf("%s of %.100v: want three numbers", n.name, n.list)
			}
			n.dst[i] = float32(f)
		}
	}
	return nil
}

var _ = newFormat("timm", Format{
	Help: `a folder for timm.create_model("local-dir:FOLDER", pretrained=True), heads and normalisation in it`,
	write: func(folder string, e *Encoder) error {
		if err := e.writeSafetensors(filepath.Join(folder, safetensors.ModelFile), e.renamed(sameName)); err != nil {
			return err
		}
		return writeJSON(filepath.Join(folder, configFile), e.timmConfig())
	},
})

// timmConfig is config.json as timm.models.save_for_hf writes it.
func (e *Encoder) timmConfig() map[string]any {
	return map[string]any{
		"architecture": e.timmArchitecture(),
		"num_classes":  0,
		"num_features": e.Dim,
		"global_pool":  "token",
		"model_args": map[string]any{
			"img_size": e.ImageSize, "patch_size": e.PatchSize, "embed_dim": e.Dim, "depth": e.Depth, "num_heads": e.Heads, "mlp_ratio": e.MLPRatio,
		},
		"pretrained_cfg": map[string]any{
			"tag": "pmx", "num_classes": 0, "input_size": []int{3, e.ImageSize, e.ImageSize}, "pool_size": nil, "fixed_input_size": true,
			"interpolation": "bicubic", "crop_pct": timmCrop, "crop_mode": "center", "mean": e.Mean, "std": e.Std,
			"first_conv": "patch_embed.proj", "classifier": "head",
		},
	}
}

// timmCrop is the side of the centre crop over that of the resized image: 224 / 256.
const timmCrop = 0.875

// timmArchitecture is the model of timm whose width this is; model_args say all that
// differs.
func (e *Encoder) timmArchitecture() string {
	for name, w := range timmWidths {
		if w.dim == e.Dim && slices.Contains([]string{"tiny", "small", "base", "large"}, name) {
			return "vit_" + name + "_patch16_224"
		}
	}
	return "vit_base_patch16_224"
}
