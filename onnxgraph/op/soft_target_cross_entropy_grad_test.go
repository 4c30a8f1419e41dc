package op_test

import "testing"

func TestSoftTargetCrossEntropyGrad(t *testing.T) {
	logits, target, dloss := random(1, 3, 4), random(2, 3, 4), row(-2.5)
	_, p := plainCrossEntropy(logits.Float64s(), target.Float64s(), 4)
	out := evaluate(t, applied("pmx.SoftTargetCrossEntropyGrad"), dloss, tensor([]int{3, 4}, p...), target)
	isGradient(t, func(x []float64) []float64 {
		loss, _ := plainCrossEntropy(x, target.Float64s(), 4)
		return []float64{loss}
	}, logits, dloss, out[0])
}
