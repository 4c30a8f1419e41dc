package weights

// solo-learn, https://github.com/vturrisi/solo-learn: Lightning checkpoints with timm's
// backbone beside heads and, with some methods, a momentum backbone.
var _ = register("solo-learn", &Layout{
	Title: "solo-learn",
	Recognise: func(s *Source) []Branch {
		const root = "state_dict"
		dict := s.Roots[root]
		if !looksLikeTimm(dict, "backbone.") || !dict.HasPrefix("classifier.") && !dict.HasPrefix("projector.") && !dict.HasPrefix("momentum_") {
			return nil
		}
		branches := []Branch{{Name: "base", Root: root, Prefix: "backbone."}}
		if looksLikeTimm(dict, "momentum_backbone.") {
			branches = append(branches, Branch{Name: "momentum", Root: root, Prefix: "momentum_backbone."})
		}
		return branches
	},
	Drop:   timmHeads,
	Beside: []string{"backbone.*", "momentum_*", "classifier.*", "projector.*", "predictor.*", "prototypes.*", "head.*", "queue*"},
	Rule:   RuleAntialias,
})
