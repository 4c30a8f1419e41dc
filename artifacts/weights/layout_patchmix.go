package weights

import "strings"

// siameseBeside are the parts of PatchMix's and MoCo v3's checkpoints that are not the
// chosen encoder.
var siameseBeside = []string{"*base_encoder.*", "*momentum_encoder.*", "*predictor.*"}

// PatchMix, https://github.com/visresearch/patchmix (arXiv 2306.12243): a checkpoint of
// pre-training, NNNN.pth. The published numbers are the momentum encoder's, where there
// is one. With distributed training its keys begin as MoCo v3's; its arch is written
// with a hyphen.
var _ = register("patchmix", &Layout{
	Title: "PatchMix",
	Recognise: func(s *Source) []Branch {
		const root = "state_dict"
		if branches := encoders(s.Roots[root], root, momentumRoot, baseRoot); branches != nil {
			return branches
		}
		if strings.HasPrefix(s.Strings["arch"], "vit-") {
			return encoders(s.Roots[root], root, "module."+momentumRoot, "module."+baseRoot)
		}
		return nil
	},
	Drop:   []string{"head.*"},
	Beside: siameseBeside,
	Rule:   RuleOffset,
	Heads:  map[int]int{192: 3, 384: 12, 768: 12},
})
