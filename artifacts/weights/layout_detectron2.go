package weights

import "pmx/artifacts/torchfile"

// detectron2Prefix is that of the ViT in ViTDet's pyramid, SimpleFeaturePyramid.net.
const detectron2Prefix = "backbone.net."

// detectron2, https://github.com/facebookresearch/detectron2: a model of ViTDet, or what
// pmx writes for one.
var _ = register("detectron2", &Layout{
	Title: "detectron2 ViTDet",
	Recognise: func(s *Source) []Branch {
		is := func(dict *StateDict) bool { return looksLikeTimm(dict, detectron2Prefix) }
		if root, dict := s.Find(is, "model", ""); dict != nil {
			return []Branch{{Root: root, Prefix: detectron2Prefix}}
		}
		return nil
	},
	Beside: []string{"*"},
	Rule:   RuleSize,
})

var _ = newFormat("detectron2", Format{
	Help: "a PyTorch file for detectron2's ViTDet (keys backbone.net.*), loaded by DetectionCheckpointer without heuristics",
	Ext:  ".pth",
	write: func(path string, e *Encoder) error {
		list := e.renamed(func(name string) string { return detectron2Prefix + name })
		return torchfile.WriteFile(path, e.wrapped("model", list))
	},
})
