package patchmix

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pmx/internal/recording"
	"pmx/onnxgraph"
)

// TestMixerAgainstPublished takes every step of every recorded run of the
// published implementation: from its views and permutations come its mixed
// images, and from its configuration its targets, bit for bit.
func TestMixerAgainstPublished(t *testing.T) {
	for _, path := range recording.Glob(t, "*.safetensors") {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".safetensors"), func(t *testing.T) {
			f := recording.Read(t, path)
			var c struct {
				Img, Patch, Batch, M, Multi, Local, Steps, Channels int
				Smoothing                                           float64
				SourceSmoothing                                     float64 `json:"source_smoothing"`
			}
			f.Meta(t, "config", &c)
			if c.Steps < 1 {
				t.Fatal("no steps recorded")
			}
			for step := range c.Steps {
				name := func(s string) string { return fmt.Sprintf("step%d/%s", step, s) }
				check := func(view, perm, mixed string, side int) {
					t.Helper()
					src, want := f.Floats(t, name(view)), f.Floats(t, name(mixed))
					got := make([]float32, len(src))
					err := Mixer{c.Patch, c.M}.Mix(got, src, c.Batch, c.Channels, side, side, f.Ints(t, name(perm)))
					if err != nil {
						t.Fatal(err)
					}
					if !slices.Equal(got, want) {
						t.Errorf("step %d: %s is not %s mixed", step, mixed, view)
					}
				}
				check("view1", "perm1", "mixed1", c.Img)
				check("view2", "perm2", "mixed2", c.Img)
				for i := range c.Multi {
					local := fmt.Sprintf("local%d", i)
					check(local, local+"_perm", local+"_mixed", c.Local)
				}
				target := func(which string, got *onnxgraph.Tensor, err error) {
					t.Helper()
					if err != nil {
						t.Fatal(err)
					}
					if want := f.Floats(t, name(which)); !slices.Equal(onnxgraph.Data[float32](got), want) {
						t.Errorf("step %d: %s is\n%v, want\n%v", step, which, onnxgraph.Data[float32](got), want)
					}
				}
				source, err := SourceToSource(c.Batch, c.SourceSmoothing)
				target("target_source", source, err)
				mixSource, err := MixToSource(c.Batch, c.M, c.Smoothing)
				target("target_mix_source", mixSource, err)
				mixMix, err := MixToMix(c.Batch, c.M, c.Smoothing)
				target("target_mix_mix", mixMix, err)
			}
		})
	}
}
