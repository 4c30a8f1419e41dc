package weights

// iBOT, https://github.com/bytedance/ibot (arXiv 2111.07832): released files have the
// backbone under state_dict, full checkpoints teacher and student. Its patches that are
// masked have an embedding of their own.
var _ = register("ibot", &Layout{
	Title: "iBOT",
	Recognise: func(s *Source) []Branch {
		if !isIBOT(s) {
			return nil
		}
		if branches := teacherAndStudent(s); branches != nil {
			return branches
		}
		return []Branch{{Root: "state_dict"}}
	},
	Drop:   append([]string{"masked_embed", "mask_token"}, timmHeads...),
	Beside: []string{"head.*", "module.head.*"},
	Rule:   RuleOffset,
	Heads:  map[int]int{384: 6, 768: 12, 1024: 16},
})

func isIBOT(s *Source) bool {
	for _, root := range []string{"state_dict", "teacher", "student"} {
		if s.Roots[root].Contains("masked_embed") {
			return true
		}
	}
	return false
}
