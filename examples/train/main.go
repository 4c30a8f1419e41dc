// Command train pre-trains an encoder from a Go program, without pmx's command line:
// the quickstart's recipe for a few steps, on a data set of the program's own.
package main

import (
	"context"
	"fmt"
	"log"
	"os"

	"pmx/images"
	"pmx/runtimes"
	"pmx/tasks"
	"pmx/training"
)

// stripes are images of 28 x 28 pixels with stripes of a width that is their class.
type stripes struct{ n int }

func (s stripes) Name() string            { return "stripes" }
func (s stripes) Len() int                { return s.n }
func (s stripes) Classes() []string       { return []string{"narrow", "wide"} }
func (s stripes) Label(i int) int         { return i % 2 }
func (s stripes) Digest() (string, error) { return fmt.Sprint("stripes ", s.n), nil }

func (s stripes) Sample(_ context.Context, i int, img *images.Image) (int, error) {
	img.Reset(28, 28)
	for p := range img.Pix {
		img.Pix[p] = uint8((p/3%28 + i) / (2 + 3*s.Label(i)) % 2 * 255)
	}
	return s.Label(i), nil
}

// losses is a hook that prints each step's loss.
type losses struct{ training.NoHook }

func (losses) Step(_ context.Context, _ *training.Loop, r *training.StepReport) error {
	fmt.Printf("step %d: loss %.4f\n", r.Step, r.Metrics["loss"])
	return nil
}

func main() {
	preset, err := tasks.LookupPreset("quickstart")
	if err != nil {
		log.Fatal(err)
	}
	recipe := preset.Recipe().(*tasks.Contrastive)
	recipe.Epochs, recipe.WarmupEpochs, recipe.Batch, recipe.Data = 2, 0, 16, ""
	runtime, err := runtimes.LookupRuntime("ort") // or "reference", which needs no library
	if err != nil {
		log.Fatal(err)
	}
	err = tasks.Run(context.Background(), recipe, tasks.Options{
		Dir: os.Args[1], Overwrite: true, Runtime: runtime, Execution: runtimes.Options{Device: "cpu"},
		Images: tasks.Images{Train: stripes{48}, Test: stripes{10}}, Hooks: []training.Hook{losses{}}, Out: os.Stdout,
	})
	if err != nil {
		log.Fatal(err)
	}
}
