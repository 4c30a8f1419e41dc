package cli

import (
	"slices"

	"github.com/urfave/cli/v2"

	"pmx/tasks"
)

var _ = register("finetune", func() *cli.Command {
	return &cli.Command{
		Usage:     "train a classifier on an encoder, all of its weights",
		ArgsUsage: "[RUN]",
		Description: `pmx finetune --init runs/mine --data PHOTOS --out runs/clf        on an encoder of your own
pmx finetune --init dino.pth --heads 6 --data PHOTOS --out runs/clf
pmx finetune --resume runs/clf                                    continues, bit for bit

PHOTOS has one folder per class. The run ends with classifier.onnx, which takes a batch
of any size and gives probabilities; the names of the classes and what images go through
are in its metadata. classifier.safetensors has the weights under timm's names.

The default preset, classify, takes the architecture and the size of the images of the
weights. Without --init all weights are drawn. finetune-tiny, -small and -base are the
published recipes on ImageNet, finetune-cifar-* those on CIFAR, which --init makes fit
its weights as well. "pmx train --help" explains runs, stops and --init.

` + dataHint,
		Flags:  append(trainFlags(), runtimeFlags()...),
		Action: func(c *cli.Context) error { return train(c, finetuneRecipe) },
	}
})

// finetuneRecipe is trainRecipe, of task finetune and by default of the preset classify.
func finetuneRecipe(c *cli.Context, dir string, init *tasks.Init) (tasks.Recipe, error) {
	named := slices.ContainsFunc([]string{"preset", "task", "config"}, c.IsSet)
	if !named && !c.Bool("resume") {
		if err := c.Set("preset", "classify"); err != nil {
			return nil, err
		}
	}
	r, err := trainRecipe(c, dir, init)
	if err != nil {
		return nil, err
	}
	if _, ok := r.(*tasks.Finetune); !ok {
		return nil, usageErrorf("the recipe is of task %s: take a preset of fine-tuning, such as classify, or `pmx train`", r.TaskName())
	}
	return r, nil
}
