package builders

// The encoders of a training. The names of their parameters begin with these.
const (
	BaseEncoder     = "base_encoder"     // trained by gradients
	MomentumEncoder = "momentum_encoder" // its moving average, where SiameseConfig.MomentumEncoder
)

// FeatureEncoder names the encoder whose features are measured and that is
// exported, unless the other is asked for: the momentum encoder where a run has one.
//
// Published results are the momentum encoder's: the code of arXiv 2306.12243 takes
// it for kNN, for linear probing and for fine-tuning. (DINO, arXiv 2104.14294,
// takes its teacher too; MoCo v3, arXiv 2104.02057, the base encoder. All methods
// here go by one rule, so that they can be compared.) An average over the last
// 1/(1-m) steps is less noisy than the last step; in a training of fewer steps
// than that (250 at m = .996) it holds much of the random initial weights, and
// the base encoder is the one to look at.
func FeatureEncoder(momentum bool) string {
	if momentum {
		return MomentumEncoder
	}
	return BaseEncoder
}
