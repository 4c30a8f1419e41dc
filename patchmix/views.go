package patchmix

import (
	"fmt"

	"pmx/images"
)

// ViewsConfig says which views are made of every image and how they are
// normalised.
type ViewsConfig struct {
	View1      images.ViewConfig `json:"view1"`
	View2      images.ViewConfig `json:"view2"`
	LocalCrops int               `json:"local_crops"` // how many; 0: none
	Local      images.ViewConfig `json:"local"`
	Mean       [3]float64        `json:"mean"` // of values from 0 to 1
	Std        [3]float64        `json:"std"`
}

func (c ViewsConfig) check() error {
	if err := c.View1.Check("view1"); err != nil {
		return err
	}
	if err := c.View2.Check("view2"); err != nil {
		return err
	}
	if c.View1.Crop.Size != c.View2.Crop.Size {
		return fmt.Errorf("patchmix: view1 of %d pixels and view2 of %d, choose one size", c.View1.Crop.Size, c.View2.Crop.Size)
	}
	if c.LocalCrops < 0 || c.LocalCrops > 1<<10 {
		return fmt.Errorf("patchmix: %d local crops, choose 0 to %d", c.LocalCrops, 1<<10)
	}
	if c.LocalCrops > 0 {
		if err := c.Local.Check("local"); err != nil {
			return err
		}
	}
	return images.CheckNormalization(c.Mean, c.Std)
}

// list is the configurations of all views, in the order of their streams: view1,
// view2, local0 and on.
func (c ViewsConfig) list() []images.ViewConfig {
	views := []images.ViewConfig{c.View1, c.View2}
	for range c.LocalCrops {
		views = append(views, c.Local)
	}
	return views
}
