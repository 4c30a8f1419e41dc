package detect

import (
	"pmx/onnxgraph"
	"pmx/onnxgraph/op"
)

// Names of the losses, as detectron2 reports them.
const (
	LossClass    = "loss_cls"
	LossBox      = "loss_box_reg"
	LossMask     = "loss_mask"
	LossRPNClass = "loss_rpn_cls"
	LossRPNBox   = "loss_rpn_loc"
)

// total is the sum of values [...] where, bool of the same shape, as [1].
func total(values, where *onnxgraph.Value) *onnxgraph.Value {
	weights := op.Cast(where, values.DType)
	for weights.Rank() < values.Rank() {
		weights = op.Unsqueeze(weights, -1)
	}
	return op.ReduceSum(op.Reshape(op.Mul(values, weights), -1), true, 0)
}

// mean divides a sum [1] by the number of marks that are true, or by 1 where none are.
func mean(sum, marks *onnxgraph.Value, each int) *onnxgraph.Value {
	count := op.ReduceSum(op.Reshape(op.Cast(marks, sum.DType), -1), true, 0)
	return op.Div(sum, op.Mul(op.Max(count, op.Scalar(sum, 1)), op.Scalar(sum, float64(each))))
}

// binaryCrossEntropy is that of the sigmoid of logits x with targets y, bool:
// ln(1 + exp x) - x·y.
func binaryCrossEntropy(x, y *onnxgraph.Value) *onnxgraph.Value {
	return op.Sub(op.Softplus(x), op.Mul(x, op.Cast(y, x.DType)))
}

// losses of the RPN: both are sums over the samples, divided by their number in the
// whole batch, whether there are that many or not.
func (r *rpn) losses(c Config, s samples, objects *onnxgraph.Value) (class, box *onnxgraph.Value) {
	defer objects.Graph().Scope("rpn_losses")()
	logits := op.GatherElements(op.Concat(1, r.logits...), s.at, 1)
	deltas := op.GatherND(op.Concat(1, r.deltas...), op.Unsqueeze(s.at, 2), 1)
	anchors := op.Gather(op.Concat(0, r.anchors...), s.at, 0)
	target := coder(c.RPNWeights).Encode(anchors, s.objectBoxes(objects, anchors))
	share := op.Scalar(logits, 1/float64(c.RPNBatch*s.at.Shape[0]))
	class = op.Mul(total(binaryCrossEntropy(logits, s.foreground), s.used), share)
	box = op.Mul(total(op.Abs(op.Sub(deltas, target)), s.foreground), share)
	return class, box
}

// boxLosses are means over the samples of all images: the cross entropy of their
// classes [N R], and the distance of the deltas of the foreground's class.
func boxLosses(c Config, logits, deltas *onnxgraph.Value, s samples, boxes, classes, objects *onnxgraph.Value) (class, box *onnxgraph.Value) {
	defer logits.Graph().Scope("box_losses")()
	used := op.Reshape(s.used, -1)
	likelihood := op.GatherElements(op.LogSoftmax(logits, -1), op.Reshape(classes, -1, 1), 1)
	class = mean(op.Neg(total(op.Squeeze(likelihood, 1), used)), used, 1)

	of := op.Where(s.foreground, classes, op.Scalar(classes, 0))
	if c.ClassAgnostic {
		of = op.Mul(of, op.Scalar(of, 0))
	}
	delta := op.GatherND(deltas, op.Reshape(of, -1, 1), 1)
	target := op.Reshape(coder(c.RoIWeights).Encode(boxes, s.objectBoxes(objects, boxes)), -1, 4)
	box = mean(total(op.Abs(op.Sub(delta, target)), op.Reshape(s.foreground, -1)), used, 1)
	return class, box
}

// maskLoss is the mean of the binary cross entropy over the pixels of the foreground's
// masks, logits and targets [R side side], foreground bool [R]; 0 where there is none.
func maskLoss(logits, targets, foreground *onnxgraph.Value) *onnxgraph.Value {
	defer logits.Graph().Scope("mask_loss")()
	return mean(total(binaryCrossEntropy(logits, targets), foreground), foreground, logits.Shape[1]*logits.Shape[2])
}
