package export

import (
	"bytes"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pmx/artifacts"
	"pmx/artifacts/safetensors"
	"pmx/builders"
	"pmx/internal/errtest"
	"pmx/onnxgraph"
)

// TestReadEncoder: the named encoder, else the momentum encoder where there is one;
// of the state nothing else.
func TestReadEncoder(t *testing.T) {
	for _, c := range []struct {
		momentum   bool
		root, want string
	}{
		{true, "", builders.MomentumEncoder},
		{true, builders.MomentumEncoder, builders.MomentumEncoder},
		{true, builders.BaseEncoder, builders.BaseEncoder},
		{false, "", builders.BaseEncoder},
	} {
		path := tinyCheckpoint(t, c.momentum)
		e, err := ReadEncoder(t.Context(), path, c.root)
		if err != nil {
			t.Fatal(err)
		}
		if e.Root != c.want || e.Step != 7 || e.Path != path || e.Config.Dim != 12 {
			t.Errorf("momentum encoder %t, root %q: %s, step %d, %s, %+v; want %s, 7", c.momentum, c.root, e.Root, e.Step, e.Path, e.Config, c.want)
		}
		var want int
		for _, tensor := range tinyState(t, c.momentum).Tensors {
			if !strings.HasPrefix(tensor.Name, c.want+".") {
				continue
			}
			want++
			if got := e.Tensors[strings.TrimPrefix(tensor.Name, c.want+".")]; got == nil || string(got.Bytes()) != string(tensor.Bytes()) {
				t.Errorf("%s is not what the checkpoint holds", tensor.Name)
			}
		}
		if len(e.Tensors) != want {
			t.Errorf("%d tensors, the encoder has %d", len(e.Tensors), want)
		}
	}
}

// TestReadEncoderOfARun takes the newest checkpoint; of a damaged one the error names
// the newest good one.
func TestReadEncoderOfARun(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	run, err := artifacts.CreateRun(dir, artifacts.Manifest{}, struct{}{}, false)
	if err != nil {
		t.Fatal(err)
	}
	if err := run.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := ReadEncoder(t.Context(), dir, ""); !errors.Is(err, artifacts.ErrNoCheckpoint) {
		t.Errorf("a run without checkpoints: %v", err)
	}
	checkpoints := run.Checkpoints()
	checkpoint := tinyState(t, false)
	for _, step := range []int64{7, 12} {
		checkpoint.Step = step
		onnxgraph.Data[float32](find(checkpoint, "base_encoder.norm.weight"))[0] = float32(step)
		if err := checkpoints.Save(checkpoint); err != nil {
			t.Fatal(err)
		}
	}
	e, err := ReadEncoder(t.Context(), dir, "")
	if err != nil {
		t.Fatal(err)
	}
	if got := onnxgraph.Data[float32](e.Tensors["norm.weight"])[0]; e.Step != 12 || e.Path != checkpoints.Path(12) || got != 12 {
		t.Errorf("took step %d of %s with the weight %g, want 12", e.Step, e.Path, got)
	}
	// What is not of the run, or of another step than its name says, is not taken.
	if err := run.WriteManifest(artifacts.Manifest{ConfigHash: "others"}); err != nil {
		t.Fatal(err)
	}
	_, err = ReadEncoder(t.Context(), dir, "")
	errtest.OneLine(t, err, checkpoints.Path(12), "another configuration", "of another run")
	if err := run.WriteManifest(artifacts.Manifest{}); err != nil {
		t.Fatal(err)
	}
	if err := os.Link(checkpoints.Path(7), checkpoints.Path(13)); err != nil {
		t.Fatal(err)
	}
	_, err = ReadEncoder(t.Context(), dir, "")
	errtest.OneLine(t, err, checkpoints.Path(13), "is of step 7", "the newest good checkpoint is "+checkpoints.Path(12))
	if err := os.Remove(checkpoints.Path(13)); err != nil {
		t.Fatal(err)
	}
	flipLastByte(t, checkpoints.Path(12))
	_, err = ReadEncoder(t.Context(), dir, "")
	if !errors.Is(err, artifacts.ErrCorrupt) || !strings.Contains(err.Error(), "the newest good checkpoint is "+checkpoints.Path(7)) {
		t.Errorf("a damaged checkpoint: %v", err)
	}
}

// TestReadNewestWhileTraining: what a training deletes, having saved a newer state, is
// not read, and one that is gone for good ends the search.
func TestReadNewestWhileTraining(t *testing.T) {
	checkpoints := artifacts.Checkpoints{Dir: t.TempDir(), Keep: 1}
	checkpoint := tinyState(t, false)
	save := func(step int64) {
		checkpoint.Step = step
		if err := checkpoints.Save(checkpoint); err != nil {
			t.Fatal(err)
		}
	}
	save(7)
	saved := int64(7)
	e, err := readNewest(t.Context(), checkpoints, func(path string) (*stored, error) {
		if saved < 10 { // after the listing, before the reading
			saved++
			save(saved)
		}
		return readCheckpoint(t.Context(), path, encoderOf, "")
	})
	if err != nil || e.header.Step != 10 {
		t.Fatalf("%v, want the encoder after step 10", err)
	}
	if err := os.Symlink("none", checkpoints.Path(11)); err != nil {
		t.Fatal(err)
	}
	tries := 0
	if _, err := readNewest(t.Context(), checkpoints, func(path string) (*stored, error) {
		tries++
		return readCheckpoint(t.Context(), path, encoderOf, "")
	}); !errors.Is(err, fs.ErrNotExist) || tries != 2 {
		t.Errorf("error %v after %d tries, want 2", err, tries)
	}
}

func find(c *artifacts.Checkpoint, name string) *onnxgraph.Tensor {
	for _, t := range c.Tensors {
		if t.Name == name {
			return t.Tensor
		}
	}
	return nil
}

// flipLastByte damages the last tensor of a file, which is of no encoder.
func flipLastByte(t *testing.T, path string) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	data[len(data)-1] ^= 1
	if err := os.WriteFile(path, data, 0o666); err != nil {
		t.Fatal(err)
	}
}

func TestReadEncoderErrors(t *testing.T) {
	good, damaged := tinyCheckpoint(t, false), tinyCheckpoint(t, false)
	flipLastByte(t, damaged)
	foreign := filepath.Join(t.TempDir(), "foreign.safetensors")
	if err := safetensors.WriteFile(foreign, nil, nil); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(good)
	if err != nil {
		t.Fatal(err)
	}
	cut := filepath.Join(t.TempDir(), "cut.safetensors")
	if err := os.WriteFile(cut, data[:len(data)/2], 0o666); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		path, root, want string
	}{
		{good, builders.MomentumEncoder, "trained without a momentum encoder"},
		{damaged, "", "does not match its checksum"},
		{foreign, "", "not a checkpoint of pmx"},
		{cut, "", "cut.safetensors"},
		{filepath.Join(t.TempDir(), "none"), "", "name a run or a checkpoint"},
		{t.TempDir(), "", "choose the folder of a run"},
	} {
		if _, err := ReadEncoder(t.Context(), c.path, c.root); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("ReadEncoder(%s): %v, want %q in it", filepath.Base(c.path), err, c.want)
		}
	}
}

// TestReadEncoderStops between two tensors.
func TestReadEncoderStops(t *testing.T) {
	path := tinyCheckpoint(t, false)
	ctx := newStopAt(t, 3)
	if _, err := ReadEncoder(ctx, path, ""); !errors.Is(err, errStopped) || ctx.after() > 1 {
		t.Errorf("error %v, %d looks at the context after it was done", err, ctx.after())
	}
}

// TestReadEncoderComparesArchitecture: of a checkpoint whose checksum leaves the header
// out, another number of heads is told by the run's configuration.
func TestReadEncoderComparesArchitecture(t *testing.T) {
	state := tinyState(t, false)
	run, err := artifacts.CreateRun(filepath.Join(t.TempDir(), "run"), artifacts.Manifest{}, map[string]int{"dim": 12, "heads": 3}, false)
	if err != nil {
		t.Fatal(err)
	}
	defer run.Close()
	path := run.Checkpoints().Path(7)
	olderCheckpoint(t, path, state)
	for _, named := range []string{path, run.Path()} {
		if _, err := ReadEncoder(t.Context(), named, ""); err != nil {
			t.Error(err)
		}
	}
	state.Arch = bytes.Replace(state.Arch, []byte(`"num_heads":3`), []byte(`"num_heads":2`), 1)
	olderCheckpoint(t, path, state)
	for _, named := range []string{path, run.Path()} {
		_, err := ReadEncoder(t.Context(), named, "")
		errtest.OneLine(t, err, path, "num_heads 2", "heads 3", "damaged")
	}
}

// olderCheckpoint writes a checkpoint in format version 1.
func olderCheckpoint(t *testing.T, path string, c *artifacts.Checkpoint) {
	t.Helper()
	var data []byte
	for _, tensor := range c.Tensors {
		data = append(data, tensor.Bytes()...)
	}
	header := fmt.Sprintf(`{"version":1,"step":%d,"config_hash":"","arch":%s,"crc32c":%d}`, c.Step, c.Arch, crc32.Checksum(data, crc32.MakeTable(crc32.Castagnoli)))
	if err := safetensors.WriteFile(path, c.Tensors, map[string]string{artifacts.CheckpointProperty: header}); err != nil {
		t.Fatal(err)
	}
}
