package weights

// MAE, https://github.com/facebookresearch/mae (arXiv 2111.06377): pre-training, the
// decoder beside the encoder. Positions are the sin-cos ones, stored.
var _ = register("mae", &Layout{
	Title: "MAE pre-training",
	Recognise: func(s *Source) []Branch {
		is := func(dict *StateDict) bool { return dict.HasPrefix("decoder_") && looksLikeTimm(dict, "") }
		if root, dict := s.Find(is, "model", ""); dict != nil {
			return []Branch{{Root: root}}
		}
		return nil
	},
	Drop:  []string{"mask_token", "decoder_*"},
	Rule:  RuleSize,
	Heads: map[int]int{768: 12, 1024: 16, 1280: 16},
})
