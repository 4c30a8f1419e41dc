package tasks

import (
	"fmt"

	"pmx/internal/memory"
)

// memoryLimit is what this machine or container has, 0 where that is not known. Tests
// have others.
var memoryLimit = memory.Limit

// NeedMemory refuses work that cannot be done in this machine's memory, before it is
// begun: the system would end the program somewhere in it.
func NeedMemory(what string, bytes float64, remedy string) error {
	limit := memoryLimit()
	if limit == 0 {
		limit = 1 << 60
	}
	if bytes <= float64(limit) {
		return nil
	}
	return fmt.Errorf("%s takes %s of memory at least, and there are %s: %s", what, memory.Human(int64(min(bytes, 1<<62))), memory.Human(limit), remedy)
}

// NeedState refuses to hold so many copies of the state of a recipe's run.
func NeedState(r Recipe, copies int) error {
	sized, ok := r.(Sized)
	if !ok {
		return nil
	}
	s := sized.Sizes()
	return NeedMemory(fmt.Sprintf("the state of this run (its largest tensor: %s %v)", s.Largest.Name, s.Largest.Shape),
		float64(copies)*s.State, "lower dim, depth, mlp_ratio, hidden or image_size")
}

// NeedTraining refuses to train by a recipe on a device. A GPU's memory is not known
// here, but the state begins in main memory there, too.
func NeedTraining(r Recipe, device string) error {
	sized, ok := r.(Sized)
	if !ok {
		return nil
	}
	if device != "cpu" {
		return NeedState(r, 1)
	}
	if err := NeedState(r, 2); err != nil { // a step reads one and writes the other
		return err
	}
	s := sized.Sizes()
	return NeedMemory("a training step by this recipe", 2*s.State+s.Images+s.Activations, "lower batch, image_size, local_crops, depth or dim")
}
