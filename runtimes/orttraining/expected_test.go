package orttraining_test

import (
	"math"

	"pmx/onnxgraph"
)

// expected is the network of the tests in float64: forward, backward and AdamW
// written out by hand, apart from everything that they check.
type expected struct {
	w1, b1, w2, b2 []float64
	grad, m, v     [4][]float64
	step           int
}

func newExpected() *expected {
	e := &expected{}
	for i, p := range e.parameters() {
		*p = initial().Trainable[i].Value.Float64s()
		e.grad[i], e.m[i], e.v[i] = make([]float64, len(*p)), make([]float64, len(*p)), make([]float64, len(*p))
	}
	return e
}

func (e *expected) parameters() [4]*[]float64 { return [4]*[]float64{&e.w1, &e.b1, &e.w2, &e.b2} }

// train adds the gradients and gives the loss.
func (e *expected) train(feeds map[string]*onnxgraph.Tensor) (loss float64) {
	x, target := feeds["x"].Float64s(), feeds["target"].Float64s()
	for n := range batch {
		var h [hidden]float64
		for j := range hidden {
			h[j] = e.b1[j]
			for i := range in {
				h[j] += x[n*in+i] * e.w1[j*in+i]
			}
			h[j] = math.Tanh(h[j])
		}
		var dh [hidden]float64
		for k := range out {
			y := e.b2[k]
			for j := range hidden {
				y += h[j] * e.w2[k*hidden+j]
			}
			d := y - target[n*out+k]
			loss += d * d / (batch * out)
			dy := 2 * d / (batch * out)
			e.grad[3][k] += dy
			for j := range hidden {
				e.grad[2][k*hidden+j] += dy * h[j]
				dh[j] += dy * e.w2[k*hidden+j]
			}
		}
		for j := range hidden {
			dz := dh[j] * (1 - h[j]*h[j])
			e.grad[1][j] += dz
			for i := range in {
				e.grad[0][j*in+i] += dz * x[n*in+i]
			}
		}
	}
	return loss
}

// optimize is AdamW with decoupled decay (arXiv 1711.05101), and clears the
// gradients.
func (e *expected) optimize(lr float64) {
	e.step++
	c1, c2 := 1-math.Pow(beta1, float64(e.step)), 1-math.Pow(beta2, float64(e.step))
	for i, p := range e.parameters() {
		for j, g := range e.grad[i] {
			(*p)[j] -= lr * weightDecay * (*p)[j]
			e.m[i][j] = beta1*e.m[i][j] + (1-beta1)*g
			e.v[i][j] = beta2*e.v[i][j] + (1-beta2)*g*g
			(*p)[j] -= lr * (e.m[i][j] / c1) / (math.Sqrt(e.v[i][j]/c2) + epsilon)
		}
		clear(e.grad[i])
	}
}
