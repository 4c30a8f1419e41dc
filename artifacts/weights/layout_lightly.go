package weights

// lightly, https://github.com/lightly-ai/lightly, and lightly-train: Lightning
// checkpoints with timm's backbone beside heads; with distillation a student's and a
// teacher's. What lightly-train exports is plain.
var _ = register("lightly", &Layout{
	Title: "lightly",
	Recognise: func(s *Source) []Branch {
		const root = "state_dict"
		dict := s.Roots[root]
		var branches []Branch
		for _, b := range []Branch{
			{Name: "momentum", Alias: "teacher", Root: root, Prefix: "teacher_backbone."},
			{Name: "base", Alias: "student", Root: root, Prefix: "student_backbone."},
		} {
			if looksLikeTimm(dict, b.Prefix) {
				branches = append(branches, b)
			}
		}
		if branches == nil && looksLikeTimm(dict, "backbone.") && dict.HasPrefix("projection_head.") {
			branches = append(branches, Branch{Name: "base", Root: root, Prefix: "backbone."})
			if looksLikeTimm(dict, "backbone_momentum.") {
				branches = append(branches, Branch{Name: "momentum", Root: root, Prefix: "backbone_momentum."})
			}
		}
		return branches
	},
	Drop:   timmHeads,
	Beside: []string{"student_*", "teacher_*", "backbone*", "projection_head*", "prediction_head*", "criterion.*"},
	Rule:   RuleAntialias,
})
