package patchmix

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pmx/internal/require"
	"pmx/onnxgraph"
)

// TestMixerAgainstPublished takes every step of every recorded run of the
// published implementation: from its views and permutations come its mixed
// images, and from its configuration its targets, bit for bit.
func TestMixerAgainstPublished(t *testing.T) {
	for _, path := range fixtures(t) {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".safetensors"), func(t *testing.T) {
			f := readFixture(t, path)
			var c struct {
				Img, Patch, Batch, M, Multi, Local, Steps, Channels int
				Smoothing                                           float64
				SourceSmoothing                                     float64 `json:"source_smoothing"`
			}
			if err := json.Unmarshal([]byte(f.meta["config"]), &c); err != nil {
				t.Fatal(err)
			}
			if c.Steps < 1 {
				t.Fatal("no steps recorded")
			}
			for step := range c.Steps {
				name := func(s string) string { return fmt.Sprintf("step%d/%s", step, s) }
				check := func(view, perm, mixed string, side int) {
					t.Helper()
					src, want := f.floats(t, name(view)), f.floats(t, name(mixed))
					got := make([]float32, len(src))
					err := Mixer{c.Patch, c.M}.Mix(got, src, c.Batch, c.Channels, side, side, f.ints(t, name(perm)))
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
					if want := f.floats(t, name(which)); !slices.Equal(onnxgraph.Data[float32](got), want) {
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

// fixtures lists the recorded runs: those kept in testdata, or those beside the
// project.
func fixtures(t *testing.T) []string {
	t.Helper()
	for _, dir := range []string{filepath.Join("testdata", "fixtures"), filepath.Join("..", "..", "shared", "fixtures")} {
		if files, _ := filepath.Glob(filepath.Join(dir, "*.safetensors")); len(files) > 0 {
			return files
		}
	}
	require.Missing(t, "the recorded runs of the published implementation (../../shared/fixtures/*.safetensors)")
	return nil
}

// fixture is as much of a safetensors reader as this test needs.
type fixture struct {
	meta    map[string]string
	entries map[string]fixtureEntry
	data    []byte
}

type fixtureEntry struct {
	DType   string `json:"dtype"`
	Offsets [2]int `json:"data_offsets"`
}

func readFixture(t *testing.T, path string) *fixture {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	size := binary.LittleEndian.Uint64(raw)
	var header map[string]json.RawMessage
	if err := json.Unmarshal(raw[8:8+size], &header); err != nil {
		t.Fatal(err)
	}
	f := &fixture{entries: map[string]fixtureEntry{}, data: raw[8+size:]}
	if err := json.Unmarshal(header["__metadata__"], &f.meta); err != nil {
		t.Fatal(err)
	}
	delete(header, "__metadata__")
	for name, text := range header {
		var e fixtureEntry
		if err := json.Unmarshal(text, &e); err != nil {
			t.Fatal(err)
		}
		f.entries[name] = e
	}
	return f
}

func (f *fixture) bytes(t *testing.T, name, dtype string) []byte {
	t.Helper()
	e, ok := f.entries[name]
	if !ok || e.DType != dtype {
		t.Fatalf("the recording has no %s of type %s", name, dtype)
	}
	return f.data[e.Offsets[0]:e.Offsets[1]]
}

func (f *fixture) floats(t *testing.T, name string) []float32 {
	t.Helper()
	raw := f.bytes(t, name, "F32")
	out := make([]float32, len(raw)/4)
	for i := range out {
		out[i] = math.Float32frombits(binary.LittleEndian.Uint32(raw[4*i:]))
	}
	return out
}

func (f *fixture) ints(t *testing.T, name string) []int {
	t.Helper()
	raw := f.bytes(t, name, "I64")
	out := make([]int, len(raw)/8)
	for i := range out {
		out[i] = int(int64(binary.LittleEndian.Uint64(raw[8*i:])))
	}
	return out
}
