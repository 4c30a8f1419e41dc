package training_test

import (
	"context"
	"fmt"
	"log"

	"pmx/training"
)

// stopsAt is a hook that ends a training after a step.
type stopsAt struct {
	training.NoHook
	step int64
	stop context.CancelFunc
}

func (h stopsAt) Step(_ context.Context, _ *training.Loop, r *training.StepReport) error {
	if r.Step == h.step {
		h.stop()
	}
	return nil
}

// A schedule is a value by step: here a warm-up of three steps to a peak, then a cosine.
func ExampleWarmupCosine() {
	lr := training.WarmupCosine(0, 1, 0, 3, 7)
	for step := range int64(7) {
		fmt.Printf("%.3f ", lr(step))
	}
	fmt.Println()
	// Output: 0.000 0.500 1.000 1.000 0.854 0.500 0.146
}

// A loop takes a session, a feeder and schedules, and calls hooks around its steps. One
// that is interrupted says where it stands.
func ExampleLoop() {
	ctx, stop := context.WithCancel(context.Background())
	loop := fakeLoop(newFakeSession(), 10, 5, stopsAt{step: 4, stop: stop})
	err := loop.Run(ctx)
	if err == nil {
		log.Fatal("was not interrupted")
	}
	fmt.Println(err)
	fmt.Println(loop.Done(), "of", loop.Steps)
	// Output:
	// training: stopped after step 4 (context canceled); nothing was saved
	// 4 of 10
}
