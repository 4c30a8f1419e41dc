package builders

import (
	"encoding/json"
	"fmt"

	"pmx/internal/keys"
)

// ViTConfig is the architecture of a vision transformer (arXiv 2010.11929) for
// square images. The tags are the keys of a recipe (package keys).
type ViTConfig struct {
	ImageSize int `json:"image_size" help:"side of the images that the encoder sees, in pixels" min:"1" max:"16384" alias:"img_size,size,resolution,input_size"`
	PatchSize int `json:"patch_size" help:"side of a patch in pixels" min:"1" max:"16384" alias:"patch"`
	Dim       int `json:"dim" help:"width of the transformer (embed dim)" min:"1" max:"65536" alias:"embed_dim,width,hidden_size"`
	Depth     int `json:"depth" help:"number of transformer blocks" min:"1" max:"1024" alias:"layers,num_layers,blocks"`
	Heads     int `json:"heads" help:"attention heads of a block; they divide dim" min:"1" max:"1024" alias:"num_heads"`
	MLPRatio  int `json:"mlp_ratio" help:"width of a block's MLP, in multiples of dim" min:"1" max:"64"`

	// Epsilon of the layer norms; 0 is the published ViT's, 1e-6. Weights of others may
	// have been trained with another.
	Epsilon float64 `json:"-"`
}

// Tokens is the number of patches of a square image of the given side.
func (c ViTConfig) Tokens(side int) int { return (side / c.PatchSize) * (side / c.PatchSize) }

// Validate says what is wrong with the architecture, if anything, naming the key.
func (c ViTConfig) Validate() error {
	if err := keys.Validate(c); err != nil {
		return fmt.Errorf("builders: %w", err)
	}
	switch {
	case c.ImageSize%c.PatchSize != 0:
		return fmt.Errorf("builders: image_size %d is not a multiple of patch_size %d", c.ImageSize, c.PatchSize)
	case c.Dim%c.Heads != 0:
		return fmt.Errorf("builders: dim %d is not a multiple of heads %d", c.Dim, c.Heads)
	}
	return nil
}

// SiameseConfig is everything that shapes the network and the step of a contrastive
// method.
type SiameseConfig struct {
	ViTConfig

	ProjLayers int `json:"proj_layers" help:"linear layers of the projector" min:"1" max:"16"`
	PredLayers int `json:"pred_layers" help:"linear layers of the predictor" min:"1" max:"16"`
	Hidden     int `json:"hidden" help:"width of the hidden layers of projector and predictor" min:"1" max:"65536"`
	OutDim     int `json:"out_dim" help:"width of the embeddings that are contrasted" min:"1" max:"65536"`

	Batch           int     `json:"batch" help:"images of a step (batch size)" min:"2" max:"65536" alias:"batch_size,bs,b"`
	MomentumEncoder bool    `json:"momentum_encoder" help:"take keys from an exponential moving average (EMA) of the encoder; else from the encoder itself, without gradient"`
	MixNum          IntSet  `json:"mix_num" help:"images that a mixed image has patches of; of several numbers (2,3) one is drawn each step"`
	LocalCrops      int     `json:"local_crops" help:"small views of each image beside the two global ones" min:"0" max:"256"`
	LocalSize       int     `json:"local_size" help:"side of the local crops in pixels" min:"0" max:"16384"`
	DropPath        float64 `json:"drop_path" help:"rate of stochastic depth in the last block; it grows linearly from 0 in the first" min:"0" below:"1"`
	ClipGrad        float64 `json:"clip_grad" help:"largest norm of the gradient; 0 does not clip" min:"0" max:"1e9" alias:"clip,grad_clip,max_norm"`
}

// IntSet is one or several integers; JSON writes a single one as a number.
type IntSet []int

// MarshalJSON writes 2 or [2,3].
func (s IntSet) MarshalJSON() ([]byte, error) {
	if len(s) == 1 {
		return json.Marshal(s[0])
	}
	return json.Marshal([]int(s))
}

// UnmarshalJSON reads 2 or [2,3].
func (s *IntSet) UnmarshalJSON(data []byte) error {
	var n int
	if json.Unmarshal(data, &n) == nil {
		*s = IntSet{n}
		return nil
	}
	var list []int
	if err := json.Unmarshal(data, &list); err != nil {
		return fmt.Errorf("want a whole number or a list of them, got %s", data)
	}
	*s = list
	return nil
}

// Validate says what is wrong with the configuration, if anything, naming the key.
// What only the mixing of images asks for is ValidateMixing's.
func (c SiameseConfig) Validate() error {
	if err := keys.Validate(c); err != nil {
		return fmt.Errorf("builders: %w", err)
	}
	if err := c.ViTConfig.Validate(); err != nil {
		return err
	}
	if c.LocalCrops > 0 && (c.LocalSize < c.PatchSize || c.LocalSize%c.PatchSize != 0) {
		return fmt.Errorf("builders: local_size %d is not a positive multiple of patch_size %d", c.LocalSize, c.PatchSize)
	}
	return c.checkCount()
}

// ValidateMixing says why images of the configuration cannot be mixed, if so.
func (c SiameseConfig) ValidateMixing() error {
	if len(c.MixNum) == 0 {
		return fmt.Errorf("builders: mix_num is empty, want one number of images or several")
	}
	for _, m := range c.MixNum {
		switch {
		case m < 1:
			return fmt.Errorf("builders: mix_num is %d, want at least 1", m)
		case 2*m-1 > c.Batch:
			return fmt.Errorf("builders: mix_num %d needs a batch of at least %d, got %d", m, 2*m-1, c.Batch)
		case m > c.Tokens(c.ImageSize) || c.LocalCrops > 0 && m > c.Tokens(c.LocalSize):
			return fmt.Errorf("builders: mix_num %d is more than an image has patches", m)
		}
	}
	return nil
}

// Numbers of the published models that no recipe changes.
const (
	layerNormEpsilon = 1e-6 // as the published ViT
	batchNormEpsilon = 1e-5 // as PyTorch

	batchNormMomentum = 0.9 // of running statistics, as ONNX counts it: PyTorch's default, 0.1, is the new batch's share
	adamBeta1         = 0.9
	adamBeta2         = 0.999
	adamEpsilon       = 1e-8
)
