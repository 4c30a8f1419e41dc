package cli

import (
	"bytes"
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pmx/builders"
	"pmx/internal/numtest"
	"pmx/internal/recording"
	"pmx/onnxgraph"
	"pmx/runtimes"
	"pmx/step"
)

// TestBuildFinetuneGraph: the step file that the command line writes trains as timm's and
// MAE's fine-tuning recorded it: feeds image, target and drop_path, hyper-parameters lr (of
// a group of scale 1) and weight_decay, parameters under timm's names.
func TestBuildFinetuneGraph(t *testing.T) {
	for _, name := range []string{"finetune_timm", "finetune_beit", "finetune_pool"} {
		f := recording.Open(t, "supervised/"+name+".safetensors")
		var c struct {
			Img, Patch, Dim, Depth, Heads, Classes, Batch, Steps int
			MLPRatio                                             int `json:"mlp_ratio"`
			Grouping, Pool                                       string
			DropPath                                             float64 `json:"drop_path"`
			LayerDecay                                           float64 `json:"layer_decay"`
		}
		f.Meta(t, "config", &c)
		var groups []struct{ Scale float64 }
		f.Meta(t, "groups", &groups)
		path := filepath.Join(t.TempDir(), "step.onnx")
		var out, stderr bytes.Buffer
		code := Main(t.Context(), []string{
			"build-graph", "--task", "finetune", "--out", path,
			"--set", fmt.Sprintf("image_size=%d,patch_size=%d,dim=%d,depth=%d,heads=%d,mlp_ratio=%d", c.Img, c.Patch, c.Dim, c.Depth, c.Heads, c.MLPRatio),
			"--set", fmt.Sprintf("classes=%d", c.Classes), "--set", fmt.Sprintf("batch=%d", c.Batch), "--set", fmt.Sprintf("drop_path=%v", c.DropPath),
			"--set", fmt.Sprintf("layer_decay=%v", c.LayerDecay), "--set", "layer_decay_groups=" + c.Grouping, "--set", "pool=" + c.Pool,
		}, &out, &stderr)
		if code != ExitOK {
			t.Fatalf("%s: exit code %d: %s", name, code, stderr.String())
		}
		model, err := onnxgraph.ReadModelFile(path)
		if err != nil {
			t.Fatal(err)
		}
		built, ok, err := step.Read(model)
		if err != nil || !ok {
			t.Fatalf("%s: not a step file: %v", name, err)
		}
		var feeds, hyper []string
		for _, p := range built.Batch {
			feeds = append(feeds, p.Name)
		}
		for _, h := range built.Hyper {
			hyper = append(hyper, h.Name)
		}
		slices.Sort(hyper)
		if !slices.Equal(feeds, []string{"image", "target", "drop_path"}) || !slices.Equal(hyper, []string{"lr", "weight_decay"}) {
			t.Errorf("%s: feeds %v, hyper-parameters %v", name, feeds, hyper)
		}
		tensor := func(name string) *onnxgraph.Tensor {
			return onnxgraph.NewTensor(f.Shape(t, name), slices.Clone(f.Floats(t, name)))
		}
		reference, err := runtimes.LookupRuntime("reference")
		if err != nil {
			t.Fatal(err)
		}
		session, err := reference.NewSession(built, runtimes.Options{Device: "cpu"})
		if err != nil {
			t.Fatal(err)
		}
		defer session.Close()
		state := built.InitialState(0)
		for _, s := range built.State {
			if s.Kind == step.Param {
				state[s.Name] = tensor("init/" + s.Name)
			}
		}
		if err := session.SetState(state); err != nil {
			t.Fatal(err)
		}
		headGroup := slices.IndexFunc(groups, func(g struct{ Scale float64 }) bool { return g.Scale == 1 })
		for k := range c.Steps {
			at := fmt.Sprintf("step%d/", k)
			metrics, err := session.Step(t.Context(), map[string]*onnxgraph.Tensor{
				builders.ImageFeed: tensor(at + "images"), builders.TargetFeed: tensor(at + "target"), builders.DropPathFeed: tensor(at + "drop_path"),
			}, map[string]float64{step.HyperLR: f.Doubles(t, "schedule/lr")[k*len(groups)+headGroup], step.HyperWeightDecay: 0.05})
			if err != nil {
				t.Fatal(err)
			}
			if want := float64(f.Floats(t, at+"loss")[0]); !(math.Abs(metrics["loss"]-want) <= 1e-5*want) {
				t.Errorf("%s: loss of step %d is %.8g, want %.8g", name, k, metrics["loss"], want)
			}
		}
		if state, err = session.State(); err != nil {
			t.Fatal(err)
		}
		last := fmt.Sprintf("step%d/param/", c.Steps-1)
		for _, s := range built.State {
			if s.Kind != step.Param {
				continue
			}
			got, want := state[s.Name].Float64s(), tensor(last+s.Name).Float64s()
			if strings.HasSuffix(s.Name, ".attn.qkv.bias") {
				// The gradient of a key's bias is 0, and its sign is that of rounding.
				third := len(got) / 3
				got, want = slices.Delete(got, third, 2*third), slices.Delete(want, third, 2*third)
			}
			if err := numtest.Compare(got, want, 5e-6); err != nil { // the fixtures' own tolerance
				t.Errorf("%s: %s after the last step: %v", name, s.Name, err)
			}
		}
	}
}
