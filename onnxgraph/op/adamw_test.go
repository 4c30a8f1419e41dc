package op_test

import (
	"math"
	"testing"

	"pmx/onnxgraph"
)

// TestAdamW compares three updates of one parameter with the algorithm as the paper
// has it, by moments that are corrected themselves.
func TestAdamW(t *testing.T) {
	const beta1, beta2, epsilon = 0.5, 0.75, 0.125 // exact in float32, as attributes are
	const lr, decay = 0.1, 0.3
	attributes := onnxgraph.Attributes{"alpha": float32(beta1), "beta": float32(beta2), "epsilon": float32(epsilon)}
	state := []*onnxgraph.Tensor{row(2.0), row(0.0), row(0.0)} // parameter, moments
	p, m, v := 2.0, 0.0, 0.0
	for i, g := range []float64{0.5, -1.5, 0} {
		m, v = beta1*m+(1-beta1)*g, beta2*v+(1-beta2)*g*g
		c1, c2 := 1-math.Pow(beta1, float64(i+1)), 1-math.Pow(beta2, float64(i+1))
		p -= lr * (m/c1/(math.Sqrt(v/c2)+epsilon) + decay*p)
		state = evaluate(t, func(x []*onnxgraph.Value) []*onnxgraph.Value {
			return onnxgraph.ApplyNode("pmx.AdamW", attributes, x...).Outputs[:3]
		}, state[0], row(g), state[1], state[2], row(lr), row(decay), row(c1), row(math.Sqrt(c2)))
		for k, want := range []float64{p, m, v} {
			same(t, "parameter, moments", state[k], row(want))
		}
	}
}
