package weights

// Plain files have timm's names and nothing that says whose they are: DINO's backbone
// files, and any torch.save of a state_dict. Their heads must be given.
var _ = register("plain", &Layout{
	Title:    "a plain ViT under timm's names",
	Fallback: true,
	Recognise: func(s *Source) []Branch {
		for _, prefix := range []string{"", "module.", "backbone.", "module.backbone.", "encoder."} {
			is := func(dict *StateDict) bool { return looksLikeTimm(dict, prefix) }
			if root, dict := s.Find(is, "", "model", "state_dict", "model_ema", "module", "encoder", "teacher", "student"); dict != nil {
				return []Branch{{Root: root, Prefix: prefix}}
			}
		}
		return nil
	},
	Drop: timmHeads,
	Rule: RuleOffset,
})

// looksLikeTimm reports whether a dictionary has a block of timm's names.
func looksLikeTimm(dict *StateDict, prefix string) bool {
	return dict.Has(prefix+"blocks.0.norm1.weight") && (dict.HasPrefix(prefix+"patch_embed.") || dict.Has(prefix+"pos_embed"))
}
