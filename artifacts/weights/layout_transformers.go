package weights

import (
	"fmt"
	"path/filepath"

	"pmx/artifacts/safetensors"
)

// transformersNames are those that ViTModel.save_pretrained writes, and the modules'
// own since transformers 5.9, which it loads too.
var transformersNames = newNameTable(
	"cls_token", "embeddings.cls_token",
	"pos_embed", "embeddings.position_embeddings",
	"patch_embed.proj", "embeddings.patch_embeddings.projection",
	"blocks.#.norm1", "encoder.layer.#.layernorm_before",
	"blocks.#.attn.q", "encoder.layer.#.attention.attention.query",
	"blocks.#.attn.k", "encoder.layer.#.attention.attention.key",
	"blocks.#.attn.v", "encoder.layer.#.attention.attention.value",
	"blocks.#.attn.proj", "encoder.layer.#.attention.output.dense",
	"blocks.#.norm2", "encoder.layer.#.layernorm_after",
	"blocks.#.mlp.fc1", "encoder.layer.#.intermediate.dense",
	"blocks.#.mlp.fc2", "encoder.layer.#.output.dense",
	"norm", "layernorm",
	"blocks.#.norm1", "layers.#.layernorm_before",
	"blocks.#.attn.q", "layers.#.attention.q_proj",
	"blocks.#.attn.k", "layers.#.attention.k_proj",
	"blocks.#.attn.v", "layers.#.attention.v_proj",
	"blocks.#.attn.proj", "layers.#.attention.o_proj",
	"blocks.#.norm2", "layers.#.layernorm_after",
	"blocks.#.mlp.fc1", "layers.#.mlp.fc1",
	"blocks.#.mlp.fc2", "layers.#.mlp.fc2",
	"dist_token", "embeddings.distillation_token",
)

// Hugging Face transformers: ViTModel, ViTMAEModel and ViTMSNModel, alone or in a model
// of a task (vit.*).
var _ = register("transformers", &Layout{
	Title: "transformers ViTModel",
	Recognise: func(s *Source) []Branch {
		for _, prefix := range []string{"", "vit.", "deit."} {
			is := func(dict *StateDict) bool {
				return dict.Has(prefix+"embeddings.cls_token") && (dict.Contains("layernorm_before.") || dict.Contains("distillation_token"))
			}
			if root, dict := s.Find(is, "", "model", "state_dict"); dict != nil {
				return []Branch{{Root: root, Prefix: prefix}}
			}
		}
		return nil
	},
	Rename:    transformersNames.ours,
	Drop:      []string{"pooler.*", "embeddings.mask_token"},
	Beside:    []string{"classifier.*", "cls_classifier.*", "distillation_classifier.*", "decoder.*"},
	Rule:      RuleSize,
	Configure: configureTransformers,
})

// configureTransformers reads config.json and preprocessor_config.json.
func configureTransformers(s *Source, settings *Settings) error {
	if s.Config == nil {
		return nil
	}
	settings.Heads = wholeNumber(s.Config["num_attention_heads"])
	settings.Dim, settings.Depth, settings.Hidden = wholeNumber(s.Config["hidden_size"]), wholeNumber(s.Config["num_hidden_layers"]), wholeNumber(s.Config["intermediate_size"])
	settings.ImageSize, settings.PatchSize = wholeNumber(s.Config["image_size"]), wholeNumber(s.Config["patch_size"])
	settings.Epsilon = transformersEpsilon
	if eps, ok := s.Config["layer_norm_eps"].(float64); ok && eps > 0 {
		settings.Epsilon = eps
	}
	if act, ok := s.Config["hidden_act"].(string); ok && act != "gelu" {
		return fmt.Errorf("%s has hidden_act %.40q instead of gelu: another graph", configFile, act)
	}
	if s.Preprocessor == nil {
		settings.Notes = append(settings.Notes, "without "+preprocessorFile+" it is not known how pixels are normalised: ImageNet's mean and std are taken (Google's ViT has 0.5)")
		return nil
	}
	return setNormalisation(settings, s.Preprocessor["image_mean"], s.Preprocessor["image_std"])
}

// transformersEpsilon is ViTConfig's default.
const transformersEpsilon = 1e-12

var _ = newFormat("transformers", Format{
	Help: "a folder for transformers.ViTModel.from_pretrained(FOLDER, add_pooling_layer=False) and AutoImageProcessor",
	write: func(folder string, e *Encoder) error {
		list := e.splitQKV()
		for i := range list {
			list[i].Name = transformersNames.theirs(list[i].Name)
		}
		if err := e.writeSafetensors(filepath.Join(folder, safetensors.ModelFile), list); err != nil {
			return err
		}
		if err := writeJSON(filepath.Join(folder, configFile), e.transformersConfig()); err != nil {
			return err
		}
		return writeJSON(filepath.Join(folder, preprocessorFile), e.transformersProcessor())
	},
})

func (e *Encoder) transformersConfig() map[string]any {
	return map[string]any{
		"architectures": []string{"ViTModel"}, "model_type": "vit",
		"hidden_size": e.Dim, "num_hidden_layers": e.Depth, "num_attention_heads": e.Heads, "intermediate_size": e.Hidden(),
		"image_size": e.ImageSize, "patch_size": e.PatchSize, "num_channels": 3, "encoder_stride": e.PatchSize,
		"qkv_bias": true, "hidden_act": "gelu", "layer_norm_eps": e.Epsilon,
		"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0, "initializer_range": 0.02, "dtype": "float32",
	}
}

// transformersProcessor resizes to the square, as ViTImageProcessor does.
func (e *Encoder) transformersProcessor() map[string]any {
	const bicubic = 3 // of PIL.Image.Resampling
	return map[string]any{
		"image_processor_type": "ViTImageProcessor",
		"do_resize":            true, "size": map[string]int{"height": e.ImageSize, "width": e.ImageSize}, "resample": bicubic,
		"do_rescale": true, "rescale_factor": 1.0 / 255,
		"do_normalize": true, "image_mean": e.Mean, "image_std": e.Std,
	}
}
