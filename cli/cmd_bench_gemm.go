package cli

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"time"

	"pmx/internal/cancel"
	"pmx/runtimes"
	"pmx/step"
	"pmx/tasks"

	"github.com/urfave/cli/v2"

	"pmx/onnxgraph"
	"pmx/onnxgraph/op"
)

var _ = register("bench gemm", func() *cli.Command {
	return &cli.Command{
		Usage: "time a product of two large matrices: the speed that steps are measured against",
		Description: `pmx bench gemm                 by pmx's kernel of a linear layer
pmx bench gemm --kernels off   by ONNX Runtime's own Gemm

y = x wᵀ + b of square float32 matrices, the best of several; y is written where it
stays, no time goes into copies. bench step --against takes the fastest of these two
and, beside pytorch rows, torch.mm as the machine's peak.`,
		Flags: append(runtimeFlags(),
			&cli.IntFlag{Name: "size", Value: gemmSize, Usage: "rows and columns of the matrices"},
			&cli.IntFlag{Name: "count", Value: gemmCount, Usage: "products to time, after one that is not timed"},
			&cli.BoolFlag{Name: "json", Usage: "end with a line of JSON"},
		),
		Action: benchGemm,
	}
})

// What the machine's peak is measured by, on every runtime.
const (
	gemmSize  = 1024
	gemmCount = 20
)

// gemmTiming is the result of bench gemm.
type gemmTiming struct {
	GFLOPs  float64 `json:"gflop_per_s"` // 2·size³ operations in the best time
	BestMS  float64 `json:"best_ms"`
	Size    int     `json:"size"`
	Runtime string  `json:"runtime"`
	Kernels string  `json:"kernels"`
	Threads int     `json:"threads"`
}

func benchGemm(c *cli.Context) error {
	size, count := c.Int("size"), c.Int("count")
	if size < 1 || size > 1<<14 || count < 1 {
		return usageErrorf("--size %d --count %d: want 1 to %d, and at least 1", size, count, 1<<14)
	}
	backend, options, err := runtimeOf(c)
	if err != nil {
		return err
	}
	matrix := 4 * float64(size) * float64(size)
	if err := tasks.NeedMemory("a product of this size", 4*matrix, "lower --size"); err != nil { // x twice, as a state has it, and what x and w begin as
		return err
	}
	result := gemmTiming{Size: size, Runtime: backend.Name(), Kernels: options.Kernels, Threads: runtimes.Threads(options)}
	if err := cancel.UnlessDo(c.Context, func() error { return result.time(c.Context, backend, options, count) }); err != nil {
		return err
	}
	fmt.Fprintf(c.App.Writer, "%d x %d x %d on %s, kernels %s, %d threads: %.2f ms, %.1f GFLOP/s\n",
		size, size, size, result.Runtime, result.Kernels, result.Threads, result.BestMS, result.GFLOPs)
	if !c.Bool("json") {
		return nil
	}
	return printJSON(c.App.Writer, result)
}

// gemmStep is x ← x wᵀ + b as a training step, whose state x a session reads and
// writes in place.
func gemmStep(size int) (*step.Step, error) {
	graph, err := onnxgraph.Build("gemm", func(g *onnxgraph.Graph) {
		x, w := g.Input("x", onnxgraph.Float32, size, size), g.Input("w", onnxgraph.Float32, size, size)
		g.Output("y", op.Linear(x, w, g.Input("b", onnxgraph.Float32, size)))
	})
	if err != nil {
		return nil, err
	}
	return &step.Step{
		State: []step.Tensor{{Name: "x", In: "x", Out: "y", DType: "float", Shape: []int{size, size}}},
		Batch: []step.Port{{Name: "w", DType: "float", Shape: []int{size, size}}, {Name: "b", DType: "float", Shape: []int{size}}},
		Model: &onnxgraph.Model{Graph: graph},
	}, nil
}

// time makes the product and times it so many times.
func (t *gemmTiming) time(ctx context.Context, backend runtimes.Runtime, options runtimes.Options, count int) error {
	step, err := gemmStep(t.Size)
	if err != nil {
		return err
	}
	session, err := backend.NewSession(step, options)
	if err != nil {
		return err
	}
	defer session.Close()
	return t.measure(ctx, session, step, count)
}

func (t *gemmTiming) measure(ctx context.Context, session runtimes.Session, step *step.Step, count int) error {
	work, err := runtimes.FLOPs(step.Model.Graph)
	if err != nil {
		return err
	}
	rng := rand.New(rand.NewPCG(1, 0))
	feeds := map[string]*onnxgraph.Tensor{}
	for _, in := range step.Model.Graph.Inputs() {
		feeds[in.Name] = onnxgraph.Zeros(onnxgraph.Float32, in.Shape)
		data := onnxgraph.Data[float32](feeds[in.Name])
		for i := range data { // of a deviation that keeps x, product after product, about as large
			data[i] = (rng.Float32() - 0.5) * float32(math.Sqrt(12/float64(t.Size)))
		}
	}
	if err := session.SetState(map[string]*onnxgraph.Tensor{"x": feeds["x"]}); err != nil {
		return err
	}
	for i := range 1 + count {
		begin := time.Now()
		if _, err := session.Step(ctx, feeds, nil); err != nil {
			return err
		}
		if ms := time.Since(begin).Seconds() * 1e3; i == 1 || i > 1 && ms < t.BestMS {
			t.BestMS = ms
		}
	}
	t.GFLOPs = float64(work) / t.BestMS / 1e6
	return nil
}
