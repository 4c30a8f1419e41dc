package weights

// DeiT, https://github.com/facebookresearch/deit (arXiv 2012.12877): a classifier under
// model. Fine-tuned files of DeiT's and MAE's scripts look the same.
var _ = register("deit", &Layout{
	Title: "DeiT",
	Recognise: func(s *Source) []Branch {
		dict := s.Roots["model"]
		if !looksLikeTimm(dict, "") || dict.HasPrefix("decoder_") || !dict.HasPrefix("head") && !dict.Has("fc_norm.weight") {
			return nil
		}
		return []Branch{{Root: "model"}}
	},
	Drop:  timmHeads,
	Rule:  RuleSize,
	Heads: map[int]int{192: 3, 384: 6, 768: 12},
})
