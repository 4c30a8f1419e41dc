package weights

import (
	"fmt"
	"slices"

	"pmx/internal/bicubic"
	"pmx/onnxgraph"
)

// PositionRule is how learned positions of a grid are resized to another one. All are
// bicubic; the class token's position stays.
type PositionRule string

const (
	// RuleOffset is DINO's, iBOT's, DINOv2's, MoCo v3's and PatchMix's: scale factors
	// (height+0.1)/grid and (width+0.1)/grid, which shift the points that are sampled.
	RuleOffset PositionRule = "offset"
	// RuleSize is MAE's, DeiT's, torchvision's, OpenMMLab's and transformers': scale
	// factors height/grid and width/grid.
	RuleSize PositionRule = "size"
	// RuleAntialias is timm's: as RuleSize, with antialiasing.
	RuleAntialias PositionRule = "antialias"
)

// PositionRules lists the rules.
var PositionRules = []PositionRule{RuleOffset, RuleSize, RuleAntialias}

// offset is what RuleOffset adds to the number of patches along an axis.
const offset = 0.1

// Check says whether there is such a rule.
func (r PositionRule) Check() error {
	if !slices.Contains(PositionRules, r) {
		return fmt.Errorf("weights: no rule of resizing positions is called %q (known: %v)", r, PositionRules)
	}
	return nil
}

// matrix is the rule's linear map [to from] along one axis.
func (r PositionRule) matrix(from, to int) ([][]float64, error) {
	switch r {
	case RuleOffset:
		return bicubic.Matrix(from, to, float64(to)+offset), nil
	case RuleSize:
		return bicubic.Matrix(from, to, float64(to)), nil
	case RuleAntialias:
		return bicubic.Antialiased(from, to), nil
	}
	return nil, r.Check()
}

// maxGrid bounds the patches along a side.
const maxGrid = 1 << 10

// ResizePositions resizes learned positions [1 1+g² dim] to a grid of height x width
// patches, [1 1+height·width dim]. The sums are in float64. A grid that is the same is
// returned as it is.
func ResizePositions(positions *onnxgraph.Tensor, rule PositionRule, height, width int) (*onnxgraph.Tensor, error) {
	shape := positions.Shape()
	grid := 0
	if len(shape) == 3 && shape[0] == 1 {
		grid = squareRoot(shape[1] - 1)
	}
	if grid < 1 || positions.DType() != onnxgraph.Float32 {
		return nil, fmt.Errorf("weights: positions %v are not of a class token and a square grid", positions)
	}
	if min(height, width) < 1 || max(height, width) > maxGrid {
		return nil, fmt.Errorf("weights: positions cannot be resized to %d x %d patches: want 1 to %d along a side", height, width, maxGrid)
	}
	alongY, err := rule.matrix(grid, height)
	if err != nil {
		return nil, err
	}
	if height == grid && width == grid {
		return positions, nil
	}
	alongX, err := rule.matrix(grid, width)
	if err != nil {
		return nil, err
	}
	dim := shape[2]
	learned := onnxgraph.Data[float32](positions)
	resized := onnxgraph.Zeros(onnxgraph.Float32, []int{1, 1 + height*width, dim})
	out := onnxgraph.Data[float32](resized)
	copy(out[:dim], learned[:dim])
	learned, out = learned[dim:], out[dim:]

	row := make([]float64, grid*dim) // of the grid, resized along y
	sum := make([]float64, dim)
	for y := range height {
		clear(row)
		for v, weight := range alongY[y] {
			addScaled(row, learned[v*grid*dim:], weight)
		}
		for x := range width {
			clear(sum)
			for u, weight := range alongX[x] {
				addScaled(sum, row[u*dim:], weight)
			}
			for d, v := range sum {
				out[(y*width+x)*dim+d] = float32(v)
			}
		}
	}
	return resized, nil
}

// addScaled adds weight times the first elements of src to dst.
func addScaled[T float32 | float64](dst []float64, src []T, weight float64) {
	if weight == 0 {
		return
	}
	for i := range dst {
		dst[i] += weight * float64(src[i])
	}
}

// squareRoot is the whole root of n, 0 if n is not the square of a number from 1.
func squareRoot(n int) int {
	root := 0
	for root < maxGrid && root*root < n {
		root++
	}
	if root*root != n {
		return 0
	}
	return root
}

// Resize gives the encoder the positions of images of another size, and says so in its
// metadata.
func (e *Encoder) Resize(rule PositionRule, imageSize int) error {
	if imageSize < 1 || imageSize%e.PatchSize != 0 {
		return fmt.Errorf("weights: images of %d pixels: want a multiple of the patch size %d", imageSize, e.PatchSize)
	}
	from, to := e.Grid(), imageSize/e.PatchSize
	positions, err := ResizePositions(e.Tensors["pos_embed"], rule, to, to)
	if err != nil {
		return err
	}
	if from == to {
		return nil
	}
	e.Tensors["pos_embed"] = positions
	e.ImageSize = imageSize
	if e.Metadata == nil {
		e.Metadata = map[string]string{}
	}
	step := fmt.Sprintf("%s %dx%d to %dx%d", rule, from, from, to, to)
	if before := e.Metadata[ResizeProperty]; before != "" {
		step = before + ", " + step
	}
	e.Metadata[ResizeProperty] = step
	return nil
}
