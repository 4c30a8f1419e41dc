package weights

import "strings"

// MoCo v3, https://github.com/facebookresearch/moco-v3 (arXiv 2104.02057). The base
// encoder is the one that is evaluated; positions are the sin-cos ones, stored.
var _ = register("mocov3", &Layout{
	Title: "MoCo v3",
	Recognise: func(s *Source) []Branch {
		const root = "state_dict"
		if strings.HasPrefix(s.Strings["arch"], "vit-") { // PatchMix
			return nil
		}
		return encoders(s.Roots[root], root, "module."+baseRoot, "module."+momentumRoot)
	},
	Drop:   []string{"head.*"},
	Beside: siameseBeside,
	Rule:   RuleOffset,
	Heads:  map[int]int{384: 12, 768: 12},
})
