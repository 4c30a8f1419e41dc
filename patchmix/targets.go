package patchmix

import (
	"fmt"

	"pmx/onnxgraph"
)

// The soft targets of PatchMix: what part of each key image of the batch a query
// contains. Rows are the n queries, columns the n keys, every row sums to 1.
// e is the label smoothing: e/n of each row goes to all keys alike. m is the
// number of images in a mix. arXiv 2306.12243.
//
// The sums are rounded as in the published code, so that they agree with it to
// the last bit: in float64 for SourceToSource, in float32 for the others.

// SourceToSource is [n, n] for a query and a key that are views of one image:
// the identity, smoothed.
func SourceToSource(n int, e float64) (*onnxgraph.Tensor, error) {
	if err := checkTarget(n, 1, e); err != nil {
		return nil, err
	}
	target := filled(n, float32(e/float64(n)))
	for b := range n {
		target[b*n+b] = float32(1 - e + e/float64(n))
	}
	return onnxgraph.NewTensor([]int{n, n}, target), nil
}

// MixToSource is [n, n] for mixed queries and unmixed keys: row b has
// (1-e)/m + e/n at columns b to b+m-1 (mod n).
func MixToSource(n, m int, e float64) (*onnxgraph.Tensor, error) {
	if err := checkTarget(n, m, e); err != nil {
		return nil, err
	}
	rest := float32(e) / float32(n)
	target := filled(n, rest)
	for s := range m {
		addShare(target, n, s, float32(1-e)/float32(m), rest)
	}
	return onnxgraph.NewTensor([]int{n, n}, target), nil
}

// MixToMix is [n, n] for mixed queries and mixed keys, which share the more
// images the nearer they are: row b has (1-e)*w/m + e/n with w = 1 - |d|/m at
// columns b+d (mod n), d = -(m-1) to m-1.
func MixToMix(n, m int, e float64) (*onnxgraph.Tensor, error) {
	if err := checkTarget(n, m, e); err != nil {
		return nil, err
	}
	rest := float32(e) / float32(n)
	target := filled(n, rest)
	for d := 1 - m; d < m; d++ {
		w := 1 - float32(max(d, -d))/float32(m)
		addShare(target, n, d, float32(1-e)*w/float32(m), rest)
	}
	return onnxgraph.NewTensor([]int{n, n}, target), nil
}

func filled(n int, v float32) []float32 {
	target := make([]float32, n*n)
	for i := range target {
		target[i] = v
	}
	return target
}

// addShare makes column b+d (mod n) of every row b share + rest.
func addShare(target []float32, n, d int, share, rest float32) {
	for b := range n {
		target[b*n+(b+d+n)%n] = share + rest
	}
}

func checkTarget(n, m int, e float64) error {
	switch {
	case n < 1 || m < 1:
		return fmt.Errorf("patchmix: targets for %d images, %d in a mix: both must be at least 1", n, m)
	case 2*m-1 > n:
		return errBatchTooSmall(n, m)
	case !(e >= 0 && e <= 1):
		return fmt.Errorf("patchmix: target smoothing %g, choose 0 to 1", e)
	}
	return nil
}

// errBatchTooSmall: a mix would contain an image twice, or two mixes would meet
// on both sides.
func errBatchTooSmall(n, m int) error {
	return fmt.Errorf("patchmix: mixing %d images in batches of %d, take batches of at least 2*%d-1 = %d", m, n, m, 2*m-1)
}
