package op_test

import (
	"fmt"
	"testing"

	"pmx/onnxgraph"
	"pmx/onnxgraph/op"
)

// BenchmarkRelativeAttention times windows of 14 by 14 tokens of a ViT-B, and the grid
// of a ViT-T at 512 px, by the bodies and by our kernels, beside Attention.
func BenchmarkRelativeAttention(b *testing.B) {
	for _, c := range []struct{ images, side, heads int }{{4, 14, 12}, {1, 32, 3}} {
		for label, kernels := range map[string]string{"kernel": "", "body": "off"} {
			const width = 64
			attributes := onnxgraph.Attributes{"num_heads": int64(c.heads), "scale": float32(0.125)}
			run := func(name string, f func(dy, qkv, alongY, alongX *onnxgraph.Value) *onnxgraph.Value) {
				b.Run(fmt.Sprintf("%d of %dx%d, %d heads/%s by %s", c.images, c.side, c.side, c.heads, name, label), func(b *testing.B) {
					benchmarkOnORT(b, kernels, func(g *onnxgraph.Graph) *onnxgraph.Value {
						input := func(name string, shape ...int) *onnxgraph.Value { return g.Input(name, onnxgraph.Float32, shape...) }
						tokens, dim := c.side*c.side, c.heads*width
						return f(input("dy", c.images, tokens, dim), input("qkv", c.images, tokens, 3*dim), input("y", 2*c.side-1, width), input("x", 2*c.side-1, width))
					})
				})
			}
			run("attention", func(_, qkv, _, _ *onnxgraph.Value) *onnxgraph.Value { return op.Attention(qkv, c.heads) })
			run("forward", func(_, qkv, y, x *onnxgraph.Value) *onnxgraph.Value { return op.RelativeAttention(qkv, y, x, c.heads) })
			run("gradient", func(dy, qkv, y, x *onnxgraph.Value) *onnxgraph.Value {
				return onnxgraph.Apply("pmx.RelativeAttentionGrad", attributes, dy, qkv, y, x)
			})
		}
	}
}
