package weights

// DINO, https://github.com/facebookresearch/dino (arXiv 2104.14294): a full checkpoint.
// The published numbers are the teacher's; the student's keys begin with module.
// under distributed training. Its backbone files are plain.
var _ = register("dino", &Layout{
	Title: "DINO full checkpoint",
	Recognise: func(s *Source) []Branch {
		if isIBOT(s) || s.Roots["teacher"].Contains("ls1.gamma") {
			return nil
		}
		return teacherAndStudent(s)
	},
	Drop:   timmHeads,
	Beside: []string{"head.*", "module.head.*"},
	Rule:   RuleOffset,
	Heads:  map[int]int{192: 3, 384: 6, 768: 12},
})

// teacherAndStudent are the two encoders of self-distillation.
func teacherAndStudent(s *Source) []Branch {
	var branches []Branch
	for _, b := range []Branch{{Name: "momentum", Alias: "teacher"}, {Name: "base", Alias: "student"}} {
		for _, prefix := range []string{"backbone.", "module.backbone."} {
			if looksLikeTimm(s.Roots[b.Alias], prefix) {
				b.Root, b.Prefix = b.Alias, prefix
				branches = append(branches, b)
			}
		}
	}
	return branches
}
