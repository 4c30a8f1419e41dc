package weights_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"pmx/artifacts/safetensors"
	"pmx/artifacts/weights"
	"pmx/internal/errtest"
	"pmx/internal/require"
	"pmx/onnxgraph"
)

const fixtures = "../../../shared/fixtures/weights"

// fixture is an entry of manifest.json.
type fixture struct {
	File, Expect, Layout, Takes, Resize, Why string
	Drops, Beside                            []string
	Heads                                    int
	HeadsFrom                                string  `json:"heads_from"`
	WithinSeconds                            float64 `json:"within_seconds"`
	WithinBytes                              uint64  `json:"within_bytes"`
}

func (f fixture) path() string { return filepath.Join(fixtures, f.File) }

func manifest(t testing.TB) []fixture {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(fixtures, "manifest.json"))
	if err != nil {
		require.Missing(t, err)
	}
	var m struct{ Files []fixture }
	if err := json.Unmarshal(text, &m); err != nil {
		t.Fatal(err)
	}
	return m.Files
}

// expected reads the recorded tensors whose names begin with prefix, without it.
func expected(t testing.TB, prefix string) map[string]*onnxgraph.Tensor {
	t.Helper()
	r, err := safetensors.Open(filepath.Join(fixtures, "expected.safetensors"))
	if err != nil {
		require.Missing(t, err)
	}
	defer r.Close()
	out := map[string]*onnxgraph.Tensor{}
	for _, info := range r.Infos() {
		if name, ok := strings.CutPrefix(info.Name, prefix); ok {
			if out[name], err = r.Tensor(info.Name); err != nil {
				t.Fatal(err)
			}
		}
	}
	return out
}

// heads of a fixture whose file does not say them.
func (f fixture) given() int {
	if f.HeadsFrom == "config.json" {
		return 0
	}
	return f.Heads
}

func equalTensors(t testing.TB, what string, got, want map[string]*onnxgraph.Tensor) {
	t.Helper()
	if len(got) != len(want) {
		t.Errorf("%s: %d tensors, want %d", what, len(got), len(want))
	}
	for name, w := range want {
		g := got[name]
		if g == nil || g.DType() != w.DType() || !g.Shape().Equal(w.Shape()) || !bytes.Equal(g.Bytes(), w.Bytes()) {
			t.Errorf("%s: %s is %v, want %v, or has other elements", what, name, g, w)
		}
	}
}

// changed gives the plain weights as a fixture's special files hold them.
func changed(plain map[string]*onnxgraph.Tensor, f func(name string, data []float32)) map[string]*onnxgraph.Tensor {
	out := map[string]*onnxgraph.Tensor{}
	for name, t := range plain {
		out[name] = t.Clone()
		f(name, onnxgraph.Data[float32](out[name]))
	}
	return out
}

// TestEveryLayout: each file gives exactly the recorded weights, and says what was done
// with every key.
func TestEveryLayout(t *testing.T) {
	plain, base := expected(t, "plain/"), expected(t, "base/")
	seen := map[string]bool{}
	for _, f := range manifest(t) {
		if f.Expect != "load" {
			continue
		}
		t.Run(f.File, func(t *testing.T) {
			e, report, err := weights.Read(f.path(), weights.Options{Heads: f.given()})
			if err != nil {
				t.Fatal(err)
			}
			seen[report.Layout] = true
			want := plain
			switch {
			case strings.Contains(f.File, "float16"):
				want = rounded(plain, f.File)
			case strings.Contains(f.File, "no_embed_class"):
				want = changed(plain, func(name string, data []float32) {
					if name == "pos_embed" {
						clear(data[:e.Dim])
					}
				})
			}
			equalTensors(t, f.File, e.Tensors, want)
			if e.ImageSize != 16 || e.PatchSize != 4 || e.Dim != 24 || e.Depth != 2 || e.Heads != f.Heads || e.MLPRatio != 4 || e.Epsilon != 1e-6 {
				t.Errorf("architecture %+v", e.Architecture)
			}
			if string(report.Rule) != f.Resize {
				t.Errorf("positions are resized by %q, want %q", report.Rule, f.Resize)
			}
			if n := len(report.Taken) + len(report.Mapped); n < len(want) {
				t.Errorf("%d keys are reported for %d tensors", n, len(want))
			}
			for _, drop := range f.Drops {
				inner := strings.TrimSuffix(drop, "*")
				if !slices.ContainsFunc(report.Dropped, func(key string) bool { return strings.Contains(key, inner) }) {
					t.Errorf("dropped %v, want %s among them", report.Dropped, drop)
				}
			}
			for _, beside := range f.Beside {
				parts := strings.Split(beside, " ") // numpy scalar
				if !slices.ContainsFunc(report.Beside, func(class string) bool {
					return strings.Contains(class, parts[0])
				}) {
					t.Errorf("beside %v, want %s among them", report.Beside, beside)
				}
			}
			if strings.Contains(f.Takes, "-> base") {
				if len(report.Others) != 1 {
					t.Fatalf("other encoders %v", report.Others)
				}
				other, _, err := weights.Read(f.path(), weights.Options{Heads: f.given(), Encoder: report.Others[0]})
				if err != nil {
					t.Fatal(err)
				}
				equalTensors(t, f.File+" "+report.Others[0], other.Tensors, base)
			}
			if f.given() != 0 {
				_, _, err := weights.Read(f.path(), weights.Options{})
				errtest.OneLine(t, err, f.File, "--heads")
				_, _, err = weights.Read(f.path(), weights.Options{Heads: 5})
				errtest.OneLine(t, err, "5 heads do not divide the width 24")
			} else {
				_, _, err := weights.Read(f.path(), weights.Options{Heads: 4})
				errtest.OneLine(t, err, "config.json says 3 heads, not 4")
			}
			_, _, err = weights.Read(f.path(), weights.Options{Heads: f.given(), Encoder: "middle"})
			errtest.OneLine(t, err, "middle")
		})
	}
	if len(seen) < 12 {
		t.Errorf("only the layouts %v", seen)
	}
}

// rounded are the weights in 16 bits, widened again.
func rounded(plain map[string]*onnxgraph.Tensor, file string) map[string]*onnxgraph.Tensor {
	return changed(plain, func(_ string, data []float32) {
		for i, v := range data {
			if strings.Contains(file, "bfloat16") {
				data[i] = roundBFloat16(v)
			} else {
				data[i] = roundFloat16(v)
			}
		}
	})
}

// TestRefused: what has no counterpart is named in the field's words.
func TestRefused(t *testing.T) {
	words := map[string][]string{
		"dinov2_registers.pth": {"register tokens"}, "dinov2_swiglu.pth": {"SwiGLU"}, "mae_finetuned.pth": {"fc_norm", "pooled"},
		"deit_distilled.pth": {"distill"}, "patchmix_best_module.pth": {"Python object", "module.vits.VisionTransformerMoCo", "state_dict"},
		"mocov3_conv_stem.pth": {"convolutional stem"}, "dinov3.pth": {"DINOv3", "rotary positions", "another architecture"},
		"clip.pth": {"CLIP", "pre-norm", "QuickGELU"}, "ijepa.pth": {"I-JEPA", "no class token"}, "missing_key.pth": {"blocks.0.norm2.weight is missing"},
		"unexpected_key.pth": {"blocks.0.attn.relative_bias is not known"}, "wrong_shape.pth": {"blocks.0.mlp.fc2.weight", "[8 31]", "[8 32]"},
		"positions_not_square.pth": {"6 patch positions", "square grid"}, "no_weights.pth": {"no tensors"}, "torchscript.pt": {"TorchScript"},
		"ancient_tar.pth": {"before 0.1.10"}, "detectron2_numpy.pkl": {"bare pickle"},
	}
	for _, f := range manifest(t) {
		name, ok := strings.CutPrefix(f.File, "refuse/")
		if !ok {
			continue
		}
		t.Run(name, func(t *testing.T) {
			_, report, err := weights.Read(f.path(), weights.Options{Heads: 2})
			if len(words[name]) == 0 {
				t.Fatalf("no words for it: %s", f.Why)
			}
			errtest.OneLine(t, err, append(words[name], f.File)...)
			t.Log(err)
			if keys, ok := errors.AsType[*weights.KeysError](err); ok && len(keys.Report.Missing)+len(keys.Report.Unexpected)+len(report.Taken) < 2 {
				t.Errorf("report %+v", keys.Report)
			}
		})
	}
}

// TestHostile: an error of one line, in time and memory.
func TestHostile(t *testing.T) {
	for _, f := range manifest(t) {
		if !strings.HasPrefix(f.File, "hostile/") {
			continue
		}
		t.Run(f.File, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			start := time.Now()
			_, _, err := weights.Read(f.path(), weights.Options{Heads: 2})
			seconds := time.Since(start).Seconds()
			runtime.ReadMemStats(&after)
			errtest.OneLine(t, err, f.File)
			if seconds > f.WithinSeconds {
				t.Errorf("%.1f s, want at most %g", seconds, f.WithinSeconds)
			}
			if taken := after.TotalAlloc - before.TotalAlloc; taken > f.WithinBytes {
				t.Errorf("%d bytes, want at most %d", taken, f.WithinBytes)
			}
		})
	}
}
