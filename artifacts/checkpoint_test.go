package artifacts

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pmx/artifacts/safetensors"
	"pmx/internal/errtest"
	"pmx/internal/require"
	"pmx/onnxgraph"
)

func testCheckpoint(step int64) *Checkpoint {
	return &Checkpoint{
		CheckpointHeader: CheckpointHeader{
			Step:       step,
			ConfigHash: "abc",
			Arch:       json.RawMessage(`{"heads":3}`),
			RNG:        json.RawMessage(`"AQID"`),
			Data:       json.RawMessage(`{"epoch":1,"index":18446744073709551615}`),
			Kinds:      map[string]string{"w": "param", "count": "counter", "flag": "statistic"},
		},
		Tensors: []safetensors.Named{
			namedTensor("w", 1, 2, float32(step)),
			{Name: "count", Tensor: onnxgraph.NewTensor([]int{1}, []int64{step})},
			{Name: "flag", Tensor: onnxgraph.ScalarTensor(true)},
		},
	}
}

func TestCheckpointRoundTrip(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.safetensors")
	want := testCheckpoint(42)
	if err := WriteCheckpoint(path, want); err != nil {
		t.Fatal(err)
	}
	got, err := ReadCheckpoint(path)
	if err != nil {
		t.Fatal(err)
	}
	if got.Step != 42 || got.ConfigHash != "abc" || !bytes.Equal(got.Data, want.Data) || !bytes.Equal(got.RNG, want.RNG) || !bytes.Equal(got.Arch, want.Arch) || !maps.Equal(got.Kinds, want.Kinds) {
		t.Errorf("header %+v", got.CheckpointHeader)
	}
	if len(got.Tensors) != len(want.Tensors) {
		t.Fatalf("%d tensors", len(got.Tensors))
	}
	for i, w := range want.Tensors {
		if g := got.Tensors[i]; g.Name != w.Name || !bytes.Equal(g.Bytes(), w.Bytes()) {
			t.Errorf("tensor %d: %v, want %v", i, g, w)
		}
	}
}

func TestCheckpointMismatch(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.safetensors")
	if err := WriteCheckpoint(path, testCheckpoint(1)); err != nil {
		t.Fatal(err)
	}
	r, err := OpenCheckpoint(path)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if err := r.CheckConfig("abc"); err != nil {
		t.Error(err)
	}
	errtest.OneLine(t, r.CheckConfig("abd"), path, "another configuration")

	state := func(change func(map[string]*onnxgraph.Tensor)) map[string]*onnxgraph.Tensor {
		m := map[string]*onnxgraph.Tensor{
			"w":     onnxgraph.Zeros(onnxgraph.Float32, []int{3}),
			"count": onnxgraph.Zeros(onnxgraph.Int64, []int{1}),
			"flag":  onnxgraph.Zeros(onnxgraph.Bool, nil),
		}
		change(m)
		return m
	}
	good := state(func(map[string]*onnxgraph.Tensor) {})
	if err := r.ReadState(good); err != nil {
		t.Fatal(err)
	}
	if w := onnxgraph.Data[float32](good["w"]); !slices.Equal(w, []float32{1, 2, 1}) {
		t.Errorf("w = %v", w)
	}
	errtest.OneLine(t, r.ReadState(state(func(m map[string]*onnxgraph.Tensor) { delete(m, "w") })), `"w"`, "another model")
	errtest.OneLine(t, r.ReadState(state(func(m map[string]*onnxgraph.Tensor) { m["v"] = m["w"] })), `"v"`, "another model")
	errtest.OneLine(t, r.ReadState(state(func(m map[string]*onnxgraph.Tensor) { m["w"] = onnxgraph.Zeros(onnxgraph.Float32, []int{4}) })), `"w"`, "[3]", "[4]")
}

func TestCheckpointRefusals(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "x.safetensors")
	for name, tt := range map[string]struct {
		metadata map[string]string
		want     string
	}{
		"foreign":       {nil, "not a checkpoint of pmx"},
		"not JSON":      {map[string]string{"pmx.checkpoint": "x"}, "pmx.checkpoint"},
		"newer format":  {map[string]string{"pmx.checkpoint": `{"version":9}`}, "format version 9"},
		"no version":    {map[string]string{"pmx.checkpoint": `{"step":2}`}, "format version 0"},
		"negative step": {map[string]string{"pmx.checkpoint": `{"version":1,"step":-1}`}, "step -1"},
	} {
		if err := safetensors.WriteFile(path, nil, tt.metadata); err != nil {
			t.Fatal(err)
		}
		_, err := ReadCheckpoint(path)
		if err == nil {
			t.Fatalf("%s: read", name)
		}
		errtest.OneLine(t, err, path, tt.want)
	}

	if err := WriteCheckpoint(path, testCheckpoint(1)); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	data[len(data)-1] ^= 1
	if err := os.WriteFile(path, data, 0o666); err != nil {
		t.Fatal(err)
	}
	if _, err := ReadCheckpoint(path); !errors.Is(err, ErrCorrupt) {
		t.Errorf("a flipped bit: error %v", err)
	}
	r, err := OpenCheckpoint(path)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if err := r.Verify(); !errors.Is(err, ErrCorrupt) {
		t.Errorf("a flipped bit, Verify: error %v", err)
	}
}

// TestCheckpointOneByteChanged: wherever a byte of the file is another one, it is not read
// as good: in the header of the file, in that of the checkpoint, in a tensor.
func TestCheckpointOneByteChanged(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.safetensors")
	if err := WriteCheckpoint(path, testCheckpoint(1)); err != nil {
		t.Fatal(err)
	}
	good, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for i := range good {
		bad := bytes.Clone(good)
		bad[i] ^= 1
		if err := os.WriteFile(path, bad, 0o666); err != nil {
			t.Fatal(err)
		}
		if _, err := ReadCheckpoint(path); err == nil {
			t.Errorf("byte %d of %d, %q for %q in %q, is not noticed", i, len(good), bad[i], good[i], good[max(0, i-20):min(len(good), i+20)])
		}
	}
}

// TestOlderCheckpoint: version 1 has its checksum, of the tensors' bytes alone, in the
// header, and does not say what the tensors are.
func TestOlderCheckpoint(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.safetensors")
	want := testCheckpoint(7)
	var data []byte
	for _, tensor := range want.Tensors {
		data = append(data, tensor.Bytes()...)
	}
	sum := crc32.Checksum(data, crc32.MakeTable(crc32.Castagnoli))
	for _, c := range []struct {
		sum  uint32
		good bool
	}{{sum, true}, {sum + 1, false}} {
		header := fmt.Sprintf(`{"version":1,"step":7,"config_hash":"abc","arch":{"heads":3},"crc32c":%d}`, c.sum)
		if err := safetensors.WriteFile(path, want.Tensors, map[string]string{CheckpointProperty: header}); err != nil {
			t.Fatal(err)
		}
		got, err := ReadCheckpoint(path)
		if !c.good {
			if !errors.Is(err, ErrCorrupt) {
				t.Errorf("another checksum: %v", err)
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		if got.Step != 7 || string(got.Arch) != `{"heads":3}` || got.Kinds != nil || len(got.Tensors) != len(want.Tensors) {
			t.Errorf("read %+v", got)
		}
		r, err := OpenCheckpoint(path)
		if err != nil {
			t.Fatal(err)
		}
		if r.HeaderChecked() {
			t.Error("its checksum is said to cover the header")
		}
		r.Close()
	}
}

// TestCheckpointOfARun reads what an earlier pmx wrote.
func TestCheckpointOfARun(t *testing.T) {
	const path = "../../shared/cases/old_run/run/checkpoints/000202.safetensors"
	if _, err := os.Stat(path); err != nil {
		require.Missing(t, err)
	}
	c, err := ReadCheckpoint(path)
	if err != nil || c.Step != 202 || c.Version != 1 || len(c.Tensors) == 0 {
		t.Errorf("step %d, version %d, %d tensors, %v", c.Step, c.Version, len(c.Tensors), err)
	}
}

func TestCheckpointsKeepAndList(t *testing.T) {
	c := Checkpoints{Dir: t.TempDir(), Keep: 3}
	_, err := c.Latest()
	if !errors.Is(err, ErrNoCheckpoint) {
		t.Errorf("empty folder: %v", err)
	}
	touch(t, c.Dir, "best.safetensors", "1.safetensors", "-00001.safetensors", ".000009.safetensors.pmx-tmp-00000001", "000007.txt")
	for _, step := range []int64{100, 200, 999_999, 1_000_000, 2_000_000} {
		if err := c.Save(testCheckpoint(step)); err != nil {
			t.Fatal(err)
		}
	}
	assertSteps(t, c, 999_999, 1_000_000, 2_000_000)
	if latest, err := c.Latest(); err != nil || latest != 2_000_000 {
		t.Errorf("latest is %d, error %v", latest, err)
	}
	if last, err := os.Readlink(filepath.Join(c.Dir, LastName)); err != nil || last != "2000000.safetensors" {
		t.Errorf("the link leads to %q, error %v", last, err)
	}
	entries, err := os.ReadDir(c.Dir)
	if err != nil || len(entries) != 9 {
		t.Errorf("other files were touched: %v, %v", entries, err)
	}
}

func TestLatestDamaged(t *testing.T) {
	c := Checkpoints{Dir: t.TempDir()}
	for step := int64(1); step <= 3; step++ {
		if err := c.Save(testCheckpoint(step)); err != nil {
			t.Fatal(err)
		}
	}
	truncate := func(step int64) {
		if err := os.Truncate(c.Path(step), 300); err != nil {
			t.Fatal(err)
		}
	}
	truncate(3)
	_, err := c.Latest()
	errtest.OneLine(t, err, c.Path(3), "truncated", "newest good checkpoint is "+c.Path(2))
	truncate(2)
	_, err = c.Latest()
	errtest.OneLine(t, err, c.Path(3), "newest good checkpoint is "+c.Path(1))
	truncate(1)
	_, err = c.Latest()
	errtest.OneLine(t, err, c.Path(3), "no older checkpoint is good")
}

// TestLatestUnreadable: what cannot be read is not damaged, so nobody is told to delete
// anything. A link to itself cannot be read, by root neither.
func TestLatestUnreadable(t *testing.T) {
	c := Checkpoints{Dir: t.TempDir()}
	if err := c.Save(testCheckpoint(1)); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(c.Path(2), c.Path(2)); err != nil {
		t.Fatal(err)
	}
	_, err := c.Latest()
	errtest.OneLine(t, err, c.Path(2), "may be good, make it readable")
	if strings.Contains(err.Error(), "delete") || strings.Contains(err.Error(), "--overwrite") {
		t.Errorf("unreadable: %v", err)
	}
}

// TestLatestMisnamed: a checkpoint under another one's name is not that one.
func TestLatestMisnamed(t *testing.T) {
	c := Checkpoints{Dir: t.TempDir()}
	for step := int64(1); step <= 2; step++ {
		if err := c.Save(testCheckpoint(step)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Rename(c.Path(1), c.Path(3)); err != nil {
		t.Fatal(err)
	}
	_, err := c.Latest()
	errtest.OneLine(t, err, c.Path(3), "is of step 1", "give it its own, "+c.Path(1))
	if err := os.Link(c.Path(3), c.Path(1)); err != nil {
		t.Fatal(err)
	}
	_, err = c.Latest()
	errtest.OneLine(t, err, c.Path(3), "is of step 1", "newest good checkpoint is "+c.Path(2))
}

// TestLatestOfAnotherVersion: what another pmx wrote is not damaged.
func TestLatestOfAnotherVersion(t *testing.T) {
	c := Checkpoints{Dir: t.TempDir()}
	for step := int64(1); step <= 2; step++ {
		if err := c.Save(testCheckpoint(step)); err != nil {
			t.Fatal(err)
		}
	}
	data, err := os.ReadFile(c.Path(2))
	if err != nil {
		t.Fatal(err)
	}
	newer := bytes.Replace(data, []byte(`\"version\":2`), []byte(`\"version\":9`), 1)
	if err := os.WriteFile(c.Path(2), newer, 0o666); err != nil || bytes.Equal(newer, data) {
		t.Fatal(err)
	}
	_, err = c.Latest()
	errtest.OneLine(t, err, c.Path(2), "format version 9", "use the pmx that wrote it, or a newer one")
	if strings.Contains(err.Error(), "delete") || strings.Contains(err.Error(), "--overwrite") {
		t.Errorf("another version: %v", err)
	}
}

// TestSaveFailureKeepsOlder: when a checkpoint cannot be written, none is deleted.
func TestSaveFailureKeepsOlder(t *testing.T) {
	c := Checkpoints{Dir: t.TempDir(), Keep: 1}
	if err := c.Save(testCheckpoint(1)); err != nil {
		t.Fatal(err)
	}
	// A folder in the place of the file fails the rename, for root too.
	if err := os.MkdirAll(filepath.Join(c.Path(2), "x"), 0o777); err != nil {
		t.Fatal(err)
	}
	err := c.Save(testCheckpoint(2))
	errtest.OneLine(t, err, c.Path(2))
	if _, err := ReadCheckpoint(c.Path(1)); err != nil {
		t.Error(err)
	}
	entries, _ := os.ReadDir(c.Dir)
	for _, e := range entries {
		if strings.Contains(e.Name(), "tmp") {
			t.Errorf("%s was left", e.Name())
		}
	}
}

func assertSteps(t *testing.T, c Checkpoints, want ...int64) {
	t.Helper()
	got, err := c.List()
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("steps %v, error %v, want %v", got, err, want)
	}
}
