package builders

import (
	"hash/fnv"
	"math/rand/v2"

	"pmx/onnxgraph"
)

// DrawEncoder draws the weights of an untrained encoder, under timm's names.
func DrawEncoder(c ViTConfig, seed uint64) map[string]*onnxgraph.Tensor {
	params := namedParams()
	NewViT(params.Root(""), c)
	weights := map[string]*onnxgraph.Tensor{}
	for _, p := range params.List() {
		h := fnv.New64a()
		h.Write([]byte(p.Name))
		weights[p.Name] = onnxgraph.NewTensor(p.Shape, p.Init(rand.New(rand.NewPCG(seed, h.Sum64()))))
	}
	return weights
}
