package builders

import (
	"pmx/onnxgraph"
	"pmx/onnxgraph/op"
)

// ContrastiveLoss is the cross-entropy of soft targets over the cosine
// similarities of queries and keys (InfoNCE, arXiv 1807.03748, with a
// distribution in place of one positive):
//
//	mean_b -Σ_j target[b j] · log softmax_j(q̂_b · k̂_j / temperature)
//
// q [N dim] and k [M dim] are normalised here, target is [N M] with rows that
// sum to 1, temperature [1]. The result is [1].
func ContrastiveLoss(q, k, target, temperature *onnxgraph.Value) *onnxgraph.Value {
	defer q.Graph().Scope("contrast")()
	logits := op.Div(op.MatMul(normalize(q), op.Transpose(normalize(k), 1, 0)), temperature)
	return op.SoftTargetCrossEntropy(logits, target)
}

// normalize scales each row to length 1, with torch.nn.functional.normalize's
// floor of 1e-12 under the length. The floor is under the square: a batch norm makes
// rows of zeros of equal images, where the square root has no gradient.
func normalize(x *onnxgraph.Value) *onnxgraph.Value {
	square := op.ReduceSum(op.Mul(x, x), true, 1)
	return op.Div(x, op.Sqrt(op.Max(square, op.Scalar(x, 1e-24))))
}
