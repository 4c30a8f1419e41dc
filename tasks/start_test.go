package tasks_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pmx/artifacts"
	"pmx/artifacts/safetensors"
	"pmx/artifacts/weights"
	"pmx/builders"
	"pmx/export"
	"pmx/images"
	"pmx/internal/errtest"
	"pmx/onnxgraph"
	"pmx/runtimes"
	"pmx/tasks"
	"pmx/training"
)

// foreign writes a small vision transformer as timm's folder: patches of 4, images of a
// size, 2 heads.
func foreign(t *testing.T, size int) (path string, tensors map[string]*onnxgraph.Tensor) {
	t.Helper()
	c := builders.ViTConfig{ImageSize: size, PatchSize: 4, Dim: 8, Depth: 2, Heads: 2, MLPRatio: 2}
	e := &export.Encoder{Config: c, Tensors: builders.DrawEncoder(c, 17)}
	path = filepath.Join(t.TempDir(), "vit")
	if err := weights.Write(path, "timm", e.Weights()); err != nil {
		t.Fatal(err)
	}
	return path, e.Tensors
}

// start is a recipe that fits foreign weights of 16 pixels, on images of 8, and where it
// is trained.
func start(t *testing.T, path string) (tasks.Contrastive, tasks.Options) {
	t.Helper()
	r := tiny("patchmix")
	r.Base, r.ImageSize, r.PatchSize, r.LocalSize, r.Seed = tasks.Base{Epochs: 1}, 8, 4, 8, 5
	r.DropPath = 0
	quick, err := tasks.LookupPreset("quickstart")
	if err != nil {
		t.Fatal(err)
	}
	views := quick.Recipe().(*tasks.Contrastive)
	r.Views, r.ContrastiveSchedule = views.Views, views.ContrastiveSchedule
	r.WarmupEpochs = 0
	sample, err := images.Open("sample", images.Train)
	if err != nil {
		t.Fatal(err)
	}
	some, err := images.Subset(sample, "8 of the sample", []int{0, 1, 2, 3, 4, 5, 6, 7})
	if err != nil {
		t.Fatal(err)
	}
	reference, err := runtimes.LookupRuntime("reference")
	if err != nil {
		t.Fatal(err)
	}
	o := tasks.Options{
		Dir: filepath.Join(t.TempDir(), "run"), Runtime: reference, Images: tasks.Images{Train: some},
		Routine: &artifacts.Routine{Keep: 9, CheckpointEverySteps: 1},
	}
	if path != "" {
		if o.Init, err = tasks.OpenInit(t.Context(), path, export.OpenOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	return r, o
}

// stateAfter reads a run's checkpoint.
func stateAfter(t *testing.T, dir, step string) map[string]*onnxgraph.Tensor {
	t.Helper()
	list, _, err := safetensors.ReadFile(filepath.Join(dir, "checkpoints", step+".safetensors"))
	if err != nil {
		t.Fatal(err)
	}
	state := map[string]*onnxgraph.Tensor{}
	for _, n := range list {
		state[n.Name] = n.Tensor
	}
	return state
}

// TestStartFromWeights: the trunk goes into both encoders with the positions of the
// recipe's images, everything else is drawn from the seed, and the manifest says where
// the weights are from.
func TestStartFromWeights(t *testing.T) {
	path, given := foreign(t, 16)
	r, o := start(t, path)
	if err := tasks.Run(t.Context(), &r, o); err != nil {
		t.Fatal(err)
	}
	s, err := build(r)
	if err != nil {
		t.Fatal(err)
	}
	drawn := s.InitialState(r.Seed)
	positions, err := weights.ResizePositions(given["pos_embed"], weights.RuleAntialias, 2, 2)
	if err != nil {
		t.Fatal(err)
	}
	taken := 0
	state := stateAfter(t, o.Dir, "000000")
	for name, got := range state {
		want := drawn[name]
		for _, root := range []string{"base_encoder.", "momentum_encoder."} {
			if trunk, ok := strings.CutPrefix(name, root); ok && given[trunk] != nil {
				want = given[trunk]
				if taken++; trunk == "pos_embed" {
					want = positions
				}
			}
		}
		if !got.Shape().Equal(want.Shape()) || !bytes.Equal(got.Bytes(), want.Bytes()) {
			t.Errorf("%s does not start as it should", name)
		}
	}
	if taken != 2*len(given) || len(state) != len(drawn) {
		t.Errorf("%d tensors of %d are given, want %d of %d", taken, len(state), 2*len(given), len(drawn))
	}
	run, err := artifacts.ViewRun(o.Dir)
	if err != nil {
		t.Fatal(err)
	}
	m, err := run.ReadManifest()
	if err != nil {
		t.Fatal(err)
	}
	if i := m.Init; i == nil || i.Path != path || i.Layout != "timm" || len(i.Digest) != 64 || i.PositionsResized != "antialias 4x4 to 2x2" {
		t.Errorf("the manifest says %+v", m.Init)
	}
}

// TestStartFromARun: a new run from a run's weights, and that one resumed before and after
// its first checkpoint, ends in the bits of the run that was not stopped.
func TestStartFromARun(t *testing.T) {
	r, o := start(t, "")
	if err := tasks.Run(t.Context(), &r, o); err != nil {
		t.Fatal(err)
	}
	whole, w := start(t, o.Dir)
	if err := tasks.Run(t.Context(), &whole, w); err != nil {
		t.Fatal(err)
	}
	want, source := stateAfter(t, w.Dir, "000002"), stateAfter(t, o.Dir, "000002")
	begun := stateAfter(t, w.Dir, "000000")
	if name := "momentum_encoder.norm.weight"; !bytes.Equal(begun["base_encoder.norm.weight"].Bytes(), source[name].Bytes()) {
		t.Error("the run does not start from the momentum encoder")
	}
	again, a := start(t, o.Dir)
	ctx, stop := context.WithCancel(t.Context())
	a.Hooks = []training.Hook{&stopBefore{stop: stop}}
	var interrupted *training.InterruptedError
	if err := tasks.Run(ctx, &again, a); !errors.As(err, &interrupted) {
		t.Fatalf("the run was not stopped: %v", err)
	}
	for _, step := range []string{"000001", "000002"} { // as after a kill
		if err := os.Remove(filepath.Join(a.Dir, "checkpoints", step+".safetensors")); err != nil && !errors.Is(err, os.ErrNotExist) {
			t.Fatal(err)
		}
	}
	a.Hooks, a.Init, a.Resume = nil, nil, true
	if err := tasks.Run(t.Context(), &again, a); err != nil {
		t.Fatal(err)
	}
	for name, got := range stateAfter(t, a.Dir, "000002") {
		if !bytes.Equal(got.Bytes(), want[name].Bytes()) {
			t.Errorf("%s differs after the resume", name)
		}
	}
	checkpoints, err := filepath.Glob(filepath.Join(a.Dir, "checkpoints", "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range checkpoints {
		if err := os.Remove(c); err != nil {
			t.Fatal(err)
		}
	}
	err = tasks.Run(t.Context(), &again, a)
	errtest.OneLine(t, err, a.Dir, "ended before the weights of", "--overwrite --init "+o.Dir)
	a.Init = w.Init
	errtest.OneLine(t, tasks.Run(t.Context(), &again, a), "continues with the weights of its newest checkpoint", "leave out --init")
}

// stopBefore ends a run when its first step is done.
type stopBefore struct {
	training.NoHook
	stop func()
}

func (h *stopBefore) Step(context.Context, *training.Loop, *training.StepReport) error {
	h.stop()
	return nil
}

// TestStartErrors: what does not fit is told before anything is written.
func TestStartErrors(t *testing.T) {
	path, _ := foreign(t, 16)
	for want, change := range map[string]func(r *tasks.Contrastive){
		"dim=8 (the recipe has 16), depth=2 (the recipe has 1)": func(r *tasks.Contrastive) { r.Dim, r.Depth = 16, 1 },
		"heads=2 (the recipe has 4)":                            func(r *tasks.Contrastive) { r.Heads = 4 },
		"patch_size=4 (the recipe has 2)":                       func(r *tasks.Contrastive) { r.PatchSize = 2 },
	} {
		r, o := start(t, path)
		change(&r)
		err := tasks.Run(t.Context(), &r, o)
		errtest.OneLine(t, err, path, "of another architecture than the recipe", want)
		if _, ok := errors.AsType[*tasks.RecipeError](err); !ok {
			t.Errorf("%v is not of the recipe", err)
		}
		if _, err := os.Stat(o.Dir); err == nil {
			t.Error("the run's folder was made")
		}
	}
	_, err := tasks.OpenInit(t.Context(), filepath.Join(t.TempDir(), "none"), export.OpenOptions{})
	errtest.OneLine(t, err, "name a run, a checkpoint, or a file or folder of weights")
}

// TestAdopt: a recipe takes the architecture and the size of images of the weights; local
// crops keep their share of an image.
func TestAdopt(t *testing.T) {
	path, _ := foreign(t, 32)
	r, o := start(t, path)
	r.ImageSize, r.LocalSize = 16, 8
	if err := o.Init.Adopt(&r); err != nil {
		t.Fatal(err)
	}
	if want := (builders.ViTConfig{ImageSize: 32, PatchSize: 4, Dim: 8, Depth: 2, Heads: 2, MLPRatio: 2}); r.ViTConfig != want || r.LocalSize != 16 {
		t.Errorf("%+v, local crops of %d, want %+v, 16", r.ViTConfig, r.LocalSize, want)
	}
	f := tasks.Finetune{}
	if err := o.Init.Adopt(&f); err != nil || f.ViTConfig != r.ViTConfig {
		t.Errorf("%+v, %v", f.ViTConfig, err)
	}
	if roots := f.Encoders(); !slices.Equal(roots, []string{""}) {
		t.Errorf("a classifier's encoder is at %q", roots)
	}
	errtest.OneLine(t, o.Init.Adopt(&unencoded{}), "task plain has no encoder", "leave out --init")
}

// unencoded is a recipe of a model without an encoder.
type unencoded struct{ tasks.Recipe }

func (unencoded) TaskName() string { return "plain" }
