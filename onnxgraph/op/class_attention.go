package op

import "pmx/onnxgraph"

// ClassAttention is Attention of each image's first token only: [B 1 H·d]. It is all
// that a last block needs whose class token alone is used.
func ClassAttention(qkv *onnxgraph.Value, heads int) *onnxgraph.Value {
	return attend("pmx.ClassAttention", qkv, heads)
}

var _ = onnxgraph.Register(attentionSchema("ClassAttention", true))
