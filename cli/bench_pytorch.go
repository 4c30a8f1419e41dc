package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"

	"pmx/builders"
	"pmx/tasks"
)

// defaultPeerScript is the script in a clone of the repository, seen from its root.
const defaultPeerScript = "scripts/peers/pytorch_step.py"

// pytorchModes are the peers that the script can be.
var pytorchModes = []string{"eager", "compile", "bf16"}

// pytorchPeer is a script that times the recipe's step in PyTorch:
//
//	python SCRIPT --dim D --depth N --heads H --img SIDE --patch P --batch B --hidden U --out E
//	  --mode eager|compile|bf16 --threads T --steps N --warmup N [--momentum]
//
// It ends its output with a JSON object of median_ms, images_per_s and peak_mib, and
// takes --help.
type pytorchPeer struct{ python, script string }

// torchGemm times torch.mm as bench gemm does its product. Its arguments are the
// size, the threads and how many to time.
const torchGemm = `import json, sys, time, torch
size, threads, count = map(int, sys.argv[1:])
torch.set_num_threads(threads)
x, w, y = (torch.rand(size, size) - .5 for _ in range(3))
times = []
for _ in range(1 + count):
    begin = time.perf_counter()
    torch.mm(x, w.t(), out=y)
    times.append(time.perf_counter() - begin)
print(json.dumps({"gflop_per_s": 2 * size**3 / min(times[1:]) / 1e9}))`

// gemm is PyTorch's product of two large matrices.
func (p pytorchPeer) gemm(threads int) *benchRow {
	return &benchRow{name: "torch.mm", program: p.python,
		args: []string{"-c", torchGemm, strconv.Itoa(gemmSize), strconv.Itoa(threads), strconv.Itoa(gemmCount)}}
}

// row is the script's measurement in a mode.
func (p pytorchPeer) row(mode string, c builders.SiameseConfig, o benchOptions) *benchRow {
	args := []string{p.script, "--mode", mode}
	for _, f := range []struct {
		flag  string
		value int
	}{
		{"dim", c.Dim}, {"depth", c.Depth}, {"heads", c.Heads}, {"img", c.ImageSize}, {"patch", c.PatchSize}, {"batch", c.Batch},
		{"hidden", c.Hidden}, {"out", c.OutDim}, {"threads", o.threads}, {"steps", o.steps}, {"warmup", o.warmup},
	} {
		args = append(args, "--"+f.flag, strconv.Itoa(f.value))
	}
	if c.MomentumEncoder {
		args = append(args, "--momentum")
	}
	return &benchRow{name: "pytorch-" + mode, program: p.python, args: args}
}

// check finds out whether the peer can run at all, before anything is measured.
func (p pytorchPeer) check(ctx context.Context) error {
	if _, err := os.Stat(p.script); err != nil {
		return withCode(ExitMissing, fmt.Errorf("the PyTorch rows need a script that times its step: %w; run in a clone of pmx or name it by --peer-script PATH", err))
	}
	if _, err := lastLine(ctx, p.python, p.script, "--help"); err != nil {
		if ctx.Err() != nil {
			return err
		}
		return withCode(ExitMissing, fmt.Errorf("%s %s does not run: %w; --python PATH names a Python that has torch", p.python, p.script, err))
	}
	return nil
}

// comparable refuses recipes whose step the script does not have, naming the keys.
func (p pytorchPeer) comparable(c *tasks.Contrastive, device string) error {
	var change []string
	want := func(ok bool, assignment string) {
		if !ok {
			change = append(change, "--set "+assignment)
		}
	}
	want(c.Method == "patchmix", "method=patchmix")
	want(slices.Equal(c.MixNum, builders.IntSet{2}), "mix_num=2")
	want(c.LocalCrops == 0, "local_crops=0")
	want(c.DropPath == 0, "drop_path=0")
	want(c.ClipGrad == 0, "clip_grad=0")
	want(c.MLPRatio == 4, "mlp_ratio=4")
	want(c.ProjLayers == 3, "proj_layers=3")
	want(c.PredLayers == 2, "pred_layers=2")
	if len(change) > 0 {
		return withCode(ExitUsage, fmt.Errorf("the PyTorch rows have no step of this recipe: compare with %s", strings.Join(change, " ")))
	}
	if device != "cpu" {
		return withCode(ExitUsage, errors.New("the PyTorch rows run on the CPU: compare with --device cpu"))
	}
	return nil
}
