package weights

// I-JEPA, https://github.com/facebookresearch/ijepa.
var _ = register("ijepa", &Layout{
	Title: "I-JEPA",
	Recognise: func(s *Source) []Branch {
		is := func(dict *StateDict) bool { return dict.Contains("blocks.0.") && !dict.Contains("cls_token") }
		if root, dict := s.Find(is, "target_encoder", "encoder"); dict != nil {
			return []Branch{{Root: root}}
		}
		return nil
	},
	Refuse: "I-JEPA has no class token: another graph",
})
