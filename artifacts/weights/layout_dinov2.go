package weights

import "regexp"

// DINOv2, https://github.com/facebookresearch/dinov2 (arXiv 2304.07193): a backbone file,
// or teacher or student of training. LayerScale is part of the function and is folded
// into the weights that it scales; blocks may lie in chunks.
var _ = register("dinov2", &Layout{
	Title: "DINOv2",
	Recognise: func(s *Source) []Branch {
		if branches := teacherAndStudent(s); branches != nil && s.Roots["teacher"].Contains("ls1.gamma") {
			return branches
		}
		is := func(dict *StateDict) bool {
			return dict.Has("mask_token") && dict.Contains("ls1.gamma") && !isDINOv3(dict)
		}
		if root, dict := s.Find(is, "", "model", "state_dict"); dict != nil {
			return []Branch{{Root: root}}
		}
		return nil
	},
	Rename: func(key string) string { return chunkedBlock.ReplaceAllString(key, "blocks.$1") },
	Drop:   []string{"mask_token"},
	Beside: []string{"dino_head.*", "ibot_head.*", "module.dino_head.*", "module.ibot_head.*"},
	Rule:   RuleOffset,
	Heads:  map[int]int{384: 6, 768: 12, 1024: 16, 1536: 24},
})

// chunkedBlock finds blocks.2.7., block 7, which lies in chunk 2.
var chunkedBlock = regexp.MustCompile(`^blocks\.\d+\.(\d+\.)`)
