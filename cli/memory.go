package cli

import (
	"context"
	"fmt"

	"pmx/builders"
	"pmx/internal/memory"
)

// memoryLimit is what this machine or container has, 0 where that is not known. Tests
// have others.
var memoryLimit = memory.Limit

// needMemory refuses work that cannot be done in this machine's memory, before it is
// begun: the system would end the program somewhere in it.
func needMemory(what string, bytes float64, remedy string) error {
	limit := memoryLimit()
	if limit == 0 {
		limit = 1 << 60
	}
	if bytes <= float64(limit) {
		return nil
	}
	return fmt.Errorf("%s takes %s of memory at least, and there are %s: %s", what, humanBytes(int64(min(bytes, 1<<62))), humanBytes(limit), remedy)
}

// needState refuses to hold so many copies of the state of a recipe's training.
func needState(r Recipe, copies int) error {
	s := r.Sizes()
	return needMemory(fmt.Sprintf("the state of this training (its largest tensor: %s %v)", s.Largest.Name, s.Largest.Shape),
		float64(copies)*s.State, "lower dim, depth, mlp_ratio, hidden or image_size")
}

// needTraining refuses to train by a recipe on a device. A GPU's memory is not known
// here, but the state begins in main memory there, too.
func needTraining(r Recipe, device string) error {
	if device != "cpu" {
		return needState(r, 1)
	}
	if err := needState(r, 2); err != nil { // a step reads one and writes the other
		return err
	}
	s := r.Sizes()
	return needMemory("a training step by this recipe", 2*s.State+s.Images+s.Activations, "lower batch, image_size, local_crops, depth or dim")
}

// buildStep builds a recipe's step. It ends with ctx: a deep model takes a while.
func buildStep(ctx context.Context, r Recipe) (*builders.Step, error) {
	return unlessStopped(ctx, func() (*builders.Step, error) { return builders.Build(r.Config) })
}

// initialState draws what a training starts from, and ends with ctx, too.
func initialState(ctx context.Context, step *builders.Step, seed uint64) (builders.State, error) {
	return unlessStopped(ctx, func() (builders.State, error) { return step.InitialState(seed), nil })
}
