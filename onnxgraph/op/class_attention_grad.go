package op

import "pmx/onnxgraph"

// ClassAttentionGrad returns dqkv of ClassAttention, as AttentionGrad does.
var _ = onnxgraph.Register(attentionGradSchema("ClassAttentionGrad", true))
