package safetensors

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"pmx/internal/errtest"
	"pmx/onnxgraph"
)

// shardedFolder writes two files and an index with the given weight_map.
func shardedFolder(t *testing.T, weightMap any) string {
	t.Helper()
	dir := t.TempDir()
	for file, list := range map[string][]Named{
		"model-00001-of-00002.safetensors": {{"a", onnxgraph.NewTensor([]int{2}, []float32{1, 2})}, {"b", onnxgraph.NewTensor([]int{1}, []int64{3})}},
		"model-00002-of-00002.safetensors": {{"c", onnxgraph.Bits16(onnxgraph.BFloat16, []int{1}, []uint16{0x3f80})}},
	} {
		if err := WriteFile(filepath.Join(dir, file), list, map[string]string{"format": "pt"}); err != nil {
			t.Fatal(err)
		}
	}
	text, err := json.Marshal(map[string]any{"metadata": map[string]int{"total_size": 18}, "weight_map": weightMap})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, IndexFile), text, 0o666); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestShardedFolder(t *testing.T) {
	f, err := OpenFolder(shardedFolder(t, map[string]string{
		"a": "model-00001-of-00002.safetensors", "b": "model-00001-of-00002.safetensors", "c": "model-00002-of-00002.safetensors",
	}))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	want := map[string]float32{"a": 1, "b": 3, "c": 1}
	for _, info := range f.Infos() {
		x, err := f.Tensor(info.Name)
		if err != nil {
			t.Fatal(err)
		}
		if got := x.Float64s()[0]; got != float64(want[info.Name]) {
			t.Errorf("%s begins with %v, want %v", info.Name, got, want[info.Name])
		}
		delete(want, info.Name)
	}
	if len(want) > 0 {
		t.Errorf("missing: %v", want)
	}
	_, err = f.Tensor("d")
	errtest.OneLine(t, err, `"d"`)
}

// TestFolderOfOneFile reads ModelFile with its metadata.
func TestFolderOfOneFile(t *testing.T) {
	dir := t.TempDir()
	_, err := OpenFolder(dir)
	errtest.OneLine(t, err, ModelFile)
	if err := WriteFile(filepath.Join(dir, ModelFile), Sorted(vectors()), map[string]string{"format": "pt"}); err != nil {
		t.Fatal(err)
	}
	f, err := OpenFolder(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if len(f.Infos()) != len(vectors()) || f.Metadata()["format"] != "pt" {
		t.Errorf("%d tensors, metadata %v", len(f.Infos()), f.Metadata())
	}
}

func TestFolderRefusals(t *testing.T) {
	first, second := "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"
	many := map[string]string{}
	for i := range maxShards + 1 {
		many[strconv.Itoa(i)] = strconv.Itoa(i) + ".safetensors"
	}
	for name, c := range map[string]struct {
		weightMap any
		want      string
	}{
		"wrong file":  {map[string]string{"a": second, "b": first, "c": second}, `names tensor "a" in ` + second},
		"unlisted":    {map[string]string{"a": first, "c": second}, `does not name tensor "b"`},
		"missing":     {map[string]string{"a": "model-00009-of-00009.safetensors"}, "model-00009-of-00009.safetensors"},
		"path":        {map[string]string{"a": "../x/" + first}, "beside it"},
		"windows":     {map[string]string{"a": `..\` + first}, "beside it"},
		"other files": {map[string]string{"a": "config.json"}, "beside it"},
		"empty":       {map[string]string{}, "missing or empty"},
		"a list":      {[]string{"a"}, "not an index"},
		"many files":  {many, "at most 1000"},
	} {
		_, err := OpenFolder(shardedFolder(t, c.weightMap))
		if err == nil {
			t.Errorf("%s: no error", name)
			continue
		}
		errtest.OneLine(t, err, "safetensors: ", c.want)
	}
}

// FuzzIndex: an index that is accepted names files that lie beside it.
func FuzzIndex(f *testing.F) {
	f.Add([]byte(`{"metadata": {"total_size": 18}, "weight_map": {"a": "model-00001-of-00002.safetensors"}}`))
	f.Add([]byte(`{"weight_map": {"a": "../model.safetensors"}}`))
	f.Add([]byte(`{"weight_map": {"a": "a\\b.safetensors", "": ".safetensors"}}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		weightMap, err := parseIndex(text)
		if err != nil {
			return
		}
		dir := t.TempDir()
		for name, file := range weightMap {
			if filepath.Dir(filepath.Join(dir, file)) != dir {
				t.Errorf("%q: %q lies in another folder", name, file)
			}
		}
	})
}
