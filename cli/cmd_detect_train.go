package cli

import (
	"github.com/urfave/cli/v2"

	"pmx/detection"
)

// detectPreset is the recipe that detect train begins with where none is named.
const detectPreset = "detect-small"

var _ = register("detect train", func() *cli.Command {
	return &cli.Command{
		Usage:     "train a detector of objects and their masks, Mask R-CNN, on annotated pictures",
		ArgsUsage: "[RUN]",
		Description: `pmx detect train --preset detect-small --data coco:instances.json,pictures --out runs/det
pmx detect train --preset detect-small --init runs/mine --data coco:PICTURES --out runs/det
pmx detect train --preset vitdet-base --data coco:COCO --out runs/vitdet
pmx detect train --resume runs/det                        continues, bit for bit

--init starts from an encoder that pmx train made, or from weights of others.
It is pmx train with presets of detectors; without --preset it begins with detect-small.
Losses are reported by part: loss_cls, loss_box_reg, loss_mask, loss_rpn_cls and
loss_rpn_loc. Average precision is measured after the last step, and every N epochs with
--knn-every N, on the validation part of the data or on what --set hold_out=0.1 keeps.

` + detection.Specs,
		Flags: append(trainFlags(), runtimeFlags()...),
		Action: func(c *cli.Context) error {
			if !c.Bool("resume") && !c.IsSet("preset") && !c.IsSet("task") && !c.IsSet("config") {
				if err := c.Set("preset", detectPreset); err != nil {
					return err
				}
			}
			return train(c, trainRecipe)
		},
	}
})
