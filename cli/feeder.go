package cli

import (
	"context"
	"encoding/json"
	"fmt"

	"pmx/builders"
	"pmx/images"
	"pmx/onnxgraph"
	"pmx/patchmix"
	"pmx/training"
)

// viewsConfig is how the recipe makes views of an image.
func (r Recipe) viewsConfig() patchmix.ViewsConfig {
	view := func(side int, scaleMin, scaleMax, blur, solarize float64) images.ViewConfig {
		return images.ViewConfig{
			Crop:      images.RandomResizedCrop{Size: side, Scale: [2]float64{scaleMin, scaleMax}, Ratio: [2]float64{3. / 4, 4. / 3}},
			Jitter:    images.ColorJitter{P: r.JitterProb, Brightness: r.Brightness, Contrast: r.Contrast, Saturation: r.Saturation, Hue: r.Hue},
			Grayscale: images.RandomGrayscale{P: r.GrayscaleProb},
			Blur:      images.RandomBlur{P: blur, Sigma: [2]float64{r.BlurSigmaMin, r.BlurSigmaMax}},
			Solarize:  images.RandomSolarize{P: solarize, Threshold: 128},
			Flip:      images.RandomFlip{P: r.FlipProb},
		}
	}
	return patchmix.ViewsConfig{
		View1:      view(r.ImageSize, r.CropScaleMin, r.CropScaleMax, r.BlurProb1, 0),
		View2:      view(r.ImageSize, r.CropScaleMin, r.CropScaleMax, r.BlurProb2, r.SolarizeProb),
		LocalCrops: r.LocalCrops,
		Local:      view(r.LocalSize, r.LocalScaleMin, r.LocalScaleMax, r.BlurProbLocal, 0),
		Mean:       images.ImageNetMean, Std: images.ImageNetStd,
	}
}

// loaderConfig is how the recipe makes batches for its method.
func (r Recipe) loaderConfig(workers int) (patchmix.LoaderConfig, error) {
	method, err := builders.LookupMethod(r.Method)
	if err != nil {
		return patchmix.LoaderConfig{}, err
	}
	c := patchmix.LoaderConfig{Batch: r.Batch, Views: r.viewsConfig(), Seed: r.Seed, Workers: workers}
	if method.Mixes {
		c.Mix = &patchmix.MixConfig{Patch: r.PatchSize, Num: r.MixNum, Smoothing: r.MixSmoothing, SourceSmoothing: r.SourceSmoothing}
	}
	return c, nil
}

// feeder makes a Loader's batches the feeds of a training.
type feeder struct {
	loader *patchmix.Loader
	source *onnxgraph.Tensor // target_source of a method that does not mix; else nil
}

var _ training.Feeder = (*feeder)(nil)

// feederPosition is a feeder's position as a checkpoint keeps it. It is one among
// StepsPerEpoch steps; 0 in a checkpoint that does not say so.
type feederPosition struct {
	patchmix.Position
	StepsPerEpoch int `json:"steps_per_epoch,omitempty"`
}

// newFeeder begins at a position that an earlier feeder gave, or at nil at the
// beginning. The caller closes it.
func newFeeder(r Recipe, d images.Dataset, position json.RawMessage, workers int) (*feeder, error) {
	config, err := r.loaderConfig(workers)
	if err != nil {
		return nil, err
	}
	loader, err := patchmix.NewLoader(d, config)
	if err != nil {
		return nil, err
	}
	f := &feeder{loader: loader}
	if config.Mix == nil {
		if f.source, err = patchmix.SourceToSource(r.Batch, r.SourceSmoothing); err != nil {
			return nil, err
		}
	}
	if position != nil {
		var p feederPosition
		if err := json.Unmarshal(position, &p); err != nil {
			return nil, fmt.Errorf("the checkpoint's position in the data: %w", err)
		}
		if err := loader.Seek(p.Position); err != nil {
			return nil, err
		}
	}
	return f, nil
}

// Next implements training.Feeder.
func (f *feeder) Next(ctx context.Context) (map[string]*onnxgraph.Tensor, func(), error) {
	b, err := f.loader.Next(ctx)
	if err != nil {
		return nil, nil, err
	}
	if f.source != nil {
		b.Feeds["target_source"] = f.source
	}
	return b.Feeds, b.Release, nil
}

// StepsPerEpoch implements training.Feeder.
func (f *feeder) StepsPerEpoch() int { return f.loader.StepsPerEpoch() }

// Position implements training.Feeder.
func (f *feeder) Position() (json.RawMessage, error) {
	return json.Marshal(feederPosition{f.loader.Position(), f.StepsPerEpoch()})
}

// Close ends the loader's goroutines.
func (f *feeder) Close() { f.loader.Close() }
