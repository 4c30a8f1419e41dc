package weights

// transformersDINOv2Names are those of transformers' Dinov2Model.
var transformersDINOv2Names = newNameTable(
	"cls_token", "embeddings.cls_token",
	"pos_embed", "embeddings.position_embeddings",
	"register_tokens", "embeddings.register_tokens",
	"patch_embed.proj", "embeddings.patch_embeddings.projection",
	"blocks.#.norm1", "encoder.layer.#.norm1",
	"blocks.#.attn.q", "encoder.layer.#.attention.attention.query",
	"blocks.#.attn.k", "encoder.layer.#.attention.attention.key",
	"blocks.#.attn.v", "encoder.layer.#.attention.attention.value",
	"blocks.#.attn.proj", "encoder.layer.#.attention.output.dense",
	"blocks.#.ls1.gamma", "encoder.layer.#.layer_scale1.lambda1",
	"blocks.#.norm2", "encoder.layer.#.norm2",
	"blocks.#.mlp.fc1", "encoder.layer.#.mlp.fc1",
	"blocks.#.mlp.fc2", "encoder.layer.#.mlp.fc2",
	"blocks.#.mlp.w12", "encoder.layer.#.mlp.weights_in",
	"blocks.#.ls2.gamma", "encoder.layer.#.layer_scale2.lambda1",
	"norm", "layernorm",
)

// Hugging Face transformers: Dinov2Model, alone or in a model of a task (dinov2.*).
var _ = register("transformers-dinov2", &Layout{
	Title: "transformers Dinov2Model",
	Recognise: func(s *Source) []Branch {
		for _, prefix := range []string{"", "dinov2.", "dinov2_with_registers."} {
			is := func(dict *StateDict) bool {
				return dict.Has(prefix+"embeddings.cls_token") && dict.Contains("layer_scale1.lambda1") && s.Config["model_type"] != "dinov3_vit"
			}
			if root, dict := s.Find(is, "", "model", "state_dict"); dict != nil {
				return []Branch{{Root: root, Prefix: prefix}}
			}
		}
		return nil
	},
	Rename:    transformersDINOv2Names.ours,
	Drop:      []string{"embeddings.mask_token"},
	Beside:    []string{"classifier.*"},
	Rule:      RuleOffset,
	Configure: configureDINOv2,
})

// configureDINOv2 reads what ViTModel's config.json has too; the hidden width there is
// a ratio, and the default of layer_norm_eps another.
func configureDINOv2(s *Source, settings *Settings) error {
	if err := configureTransformers(s, settings); err != nil {
		return err
	}
	if _, stated := s.Config["layer_norm_eps"]; !stated {
		settings.Epsilon = defaultEpsilon
	}
	return nil
}
