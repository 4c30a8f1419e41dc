package weights

// DINOv3, https://github.com/facebookresearch/dinov3.
var _ = register("dinov3", &Layout{
	Title: "DINOv3",
	Recognise: func(s *Source) []Branch {
		for root, dict := range s.Roots {
			if isDINOv3(dict) || s.Config["model_type"] == "dinov3_vit" {
				return []Branch{{Root: root}}
			}
		}
		return nil
	},
	Refuse: "DINOv3 has rotary positions and storage tokens and masks the keys' bias: another architecture",
})

func isDINOv3(dict *StateDict) bool {
	return dict.Contains("rope_embed.") || dict.Contains("storage_tokens") || dict.Contains("bias_mask")
}
