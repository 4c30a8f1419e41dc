package builders

import (
	"encoding/json"
	"fmt"
)

// Config is everything that shapes a training step. The JSON names are the keys
// of --set.
type Config struct {
	// Method is the name of a registered Method.
	Method string `json:"method"`

	// The vision transformer (arXiv 2010.11929): square images of ImageSize
	// pixels, patches of PatchSize, tokens of width Dim, Depth blocks with Heads
	// attention heads and a hidden layer of MLPRatio·Dim.
	ImageSize int `json:"image_size"`
	PatchSize int `json:"patch_size"`
	Dim       int `json:"dim"`
	Depth     int `json:"depth"`
	Heads     int `json:"heads"`
	MLPRatio  int `json:"mlp_ratio"`

	// The heads: ProjLayers and PredLayers linear layers with Hidden units
	// between them; embeddings of OutDim.
	ProjLayers int `json:"proj_layers"`
	PredLayers int `json:"pred_layers"`
	Hidden     int `json:"hidden"`
	OutDim     int `json:"out_dim"`

	// Batch is the number of images of one step.
	Batch int `json:"batch"`
	// MomentumEncoder makes the keys with an exponential moving average of the
	// encoder; without it they come from the encoder itself, without gradient.
	MomentumEncoder bool `json:"momentum_encoder"`
	// MixNum is how many images each mixed image has patches of; of several
	// numbers one is drawn each step. It shapes the targets, not the graph.
	MixNum IntSet `json:"mix_num"`
	// LocalCrops is the number of small views of LocalSize pixels per image.
	LocalCrops int `json:"local_crops"`
	LocalSize  int `json:"local_size"`
	// DropPath is the rate of stochastic depth (arXiv 1603.09382) in the last
	// block; it grows linearly from 0 in the first. Query encoder only.
	DropPath float64 `json:"drop_path"`
	// ClipGrad bounds the norm of the gradient of all parameters together; 0
	// leaves it as it is.
	ClipGrad float64 `json:"clip_grad"`
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

// Tokens is the number of patches of a square image of the given side.
func (c Config) Tokens(side int) int { return (side / c.PatchSize) * (side / c.PatchSize) }

// Validate says what is wrong with the configuration, if anything, naming the key.
func (c Config) Validate() error {
	for _, p := range []struct {
		key                string
		value, least, most int
	}{
		{"image_size", c.ImageSize, 1, 1 << 14}, {"patch_size", c.PatchSize, 1, 1 << 14}, {"dim", c.Dim, 1, 1 << 16},
		{"depth", c.Depth, 1, 1 << 10}, {"heads", c.Heads, 1, 1 << 10}, {"mlp_ratio", c.MLPRatio, 1, 64},
		{"proj_layers", c.ProjLayers, 1, 16}, {"pred_layers", c.PredLayers, 1, 16}, {"hidden", c.Hidden, 1, 1 << 16},
		{"out_dim", c.OutDim, 1, 1 << 16}, {"batch", c.Batch, 2, 1 << 16}, {"local_crops", c.LocalCrops, 0, 1 << 8},
		{"local_size", c.LocalSize, 0, 1 << 14},
	} {
		if p.value < p.least || p.value > p.most {
			return fmt.Errorf("builders: %s is %d, want %d to %d", p.key, p.value, p.least, p.most)
		}
	}
	switch {
	case c.ImageSize%c.PatchSize != 0:
		return fmt.Errorf("builders: image_size %d is not a multiple of patch_size %d", c.ImageSize, c.PatchSize)
	case c.Dim%c.Heads != 0:
		return fmt.Errorf("builders: dim %d is not a multiple of heads %d", c.Dim, c.Heads)
	case c.LocalCrops > 0 && (c.LocalSize < c.PatchSize || c.LocalSize%c.PatchSize != 0):
		return fmt.Errorf("builders: local_size %d is not a positive multiple of patch_size %d", c.LocalSize, c.PatchSize)
	case !(c.DropPath >= 0 && c.DropPath < 1):
		return fmt.Errorf("builders: drop_path is %g, want 0 <= drop_path < 1", c.DropPath)
	case !(c.ClipGrad >= 0):
		return fmt.Errorf("builders: clip_grad is %g, want 0 (off) or a positive norm", c.ClipGrad)
	}
	if err := c.checkCount(); err != nil {
		return err
	}
	method, err := LookupMethod(c.Method)
	if err != nil {
		return err
	}
	if !method.Mixes {
		return nil
	}
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
