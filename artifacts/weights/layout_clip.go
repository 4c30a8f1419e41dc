package weights

// CLIP, https://github.com/openai/CLIP, and OpenCLIP.
var _ = register("clip", &Layout{
	Title: "CLIP",
	Recognise: func(s *Source) []Branch {
		is := func(dict *StateDict) bool {
			return dict.HasPrefix("visual.") || dict.HasPrefix("module.visual.") || dict.HasPrefix("vision_model.")
		}
		if root, dict := s.Find(is, "state_dict", ""); dict != nil {
			return []Branch{{Root: root}}
		}
		return nil
	},
	Refuse: "CLIP's image tower normalises before the first block (pre-norm, ln_pre), and OpenAI's has QuickGELU: another architecture",
})
