package weights

import (
	"encoding/json"
	"fmt"
	"math"

	"pmx/onnxgraph"
)

// Architecture is what the weights of a vision transformer (arXiv 2010.11929) with a
// class token first and learned positions do not say, and what their shapes say too.
// As JSON it is the metadata EncoderProperty.
type Architecture struct {
	Name      string     `json:"architecture"` // vision_transformer
	ImageSize int        `json:"image_size"`   // of square images, in pixels: that of the positions
	PatchSize int        `json:"patch_size"`
	Dim       int        `json:"embed_dim"`
	Depth     int        `json:"depth"`
	Heads     int        `json:"num_heads"`
	MLPRatio  float64    `json:"mlp_ratio"` // hidden units of a block's MLP over Dim
	Epsilon   float64    `json:"layer_norm_eps"`
	Mean      [3]float32 `json:"mean"` // that pixels in [0, 1] are normalised with, by channel
	Std       [3]float32 `json:"std"`
}

// architectureName is Architecture.Name, timm's word.
const architectureName = "vision_transformer"

// Grid is the number of patches along a side.
func (a Architecture) Grid() int { return a.ImageSize / a.PatchSize }

// Hidden is the number of hidden units of a block's MLP.
func (a Architecture) Hidden() int { return int(math.Round(a.MLPRatio * float64(a.Dim))) }

// parseArchitecture reads the JSON of EncoderProperty, and of a checkpoint's header.
func parseArchitecture(text string) (*Architecture, error) {
	a := &Architecture{}
	if err := json.Unmarshal([]byte(text), a); err != nil {
		return nil, err
	}
	if a.Name != architectureName || a.Heads < 1 || a.Epsilon <= 0 {
		return nil, fmt.Errorf("%.200s does not describe a vision transformer", text)
	}
	return a, nil
}

// Metadata properties of files that pmx writes.
const (
	EncoderProperty = "pmx.encoder"          // Architecture, as JSON
	ResizeProperty  = "pmx.pos_embed_resize" // how positions came to their size, such as "offset 14x14 to 24x24"
	propertyPrefix  = "pmx."
)

// Encoder is a plain vision transformer: weights under timm's names.
type Encoder struct {
	Architecture
	// Tensors are cls_token [1 1 Dim], pos_embed [1 1+Grid² Dim], patch_embed.proj,
	// blocks.i.{norm1, attn.qkv, attn.proj, norm2, mlp.fc1, mlp.fc2} and norm, all
	// float32.
	Tensors map[string]*onnxgraph.Tensor
	// Metadata are properties that go along with the weights, pmx.* but for
	// EncoderProperty.
	Metadata map[string]string
}

// imageNetMean and imageNetStd normalise pixels by channel, unless a file says how.
var (
	imageNetMean = [3]float32{0.485, 0.456, 0.406}
	imageNetStd  = [3]float32{0.229, 0.224, 0.225}
)

// defaultEpsilon is LayerNorm's in every layout whose files do not say it.
const defaultEpsilon = 1e-6
