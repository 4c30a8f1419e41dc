package evaluation

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"syscall"
	"testing"

	"pmx/artifacts/safetensors"
)

func TestCache(t *testing.T) {
	var warnings []error
	cache := Cache{Dir: t.TempDir(), Warn: func(err error) { warnings = append(warnings, err) }}
	computed := 0
	compute := func() (*Features, error) {
		computed++
		return &Features{Dim: 2, Data: []float32{1, 0, .6, .8, 0, 1}, Labels: []int{3, 0, 1 << 40}}, nil
	}
	want, _ := compute()
	get := func(key Key) {
		t.Helper()
		got, err := cache.Get(key, compute)
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("got %+v, want %+v", got, want)
		}
	}
	key := Key{Model: "m1", Data: "d1"}
	for i, step := range []struct {
		key      Key
		computed int
	}{{key, 2}, {key, 2}, {Key{"m1", "d2"}, 3}, {Key{"m1", "d 1"}, 4}, {key, 4}, {Key{"m1 d", "1"}, 5}, {Key{"m2", "d1"}, 6}, {key, 7}} {
		if get(step.key); computed != step.computed {
			t.Errorf("step %d: computed %d times, want %d", i, computed, step.computed)
		}
	}
	if len(warnings) > 0 {
		t.Errorf("warnings %v", warnings)
	}

	// A file that was cut off, or is of something else, is made again and said so.
	path := cache.Path(key)
	good, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	flipped := slices.Clone(good)
	flipped[len(flipped)-1] ^= 1
	for name, bad := range map[string][]byte{"a flipped bit": flipped, "truncated": good[:len(good)-3], "empty": {}, "text": []byte("features of yesterday")} {
		computed, warnings = 0, nil
		if err := os.WriteFile(path, bad, 0o666); err != nil {
			t.Fatal(err)
		}
		if get(key); computed != 1 || len(warnings) != 1 || !strings.Contains(warnings[0].Error(), "made again") {
			t.Errorf("%s: computed %d times, warnings %v", name, computed, warnings)
		}
		if get(key); computed != 1 {
			t.Errorf("%s: the new file is not used", name)
		}
	}
	// Features of another model under this name, as after a collision.
	get(Key{"m2", "d1"})
	if err := os.Rename(cache.Path(Key{"m2", "d1"}), path); err != nil {
		t.Fatal(err)
	}
	computed, warnings = 0, nil
	if get(key); computed != 1 || len(warnings) != 1 || !strings.Contains(warnings[0].Error(), "another model") {
		t.Errorf("foreign: computed %d times, warnings %v", computed, warnings)
	}
}

// TestCacheKeepsOneModel: features of every data set, but of the last model only;
// what is not a Cache's stays.
func TestCacheKeepsOneModel(t *testing.T) {
	cache := Cache{Dir: t.TempDir(), Warn: func(err error) { t.Error(err) }}
	get := func(model, data string) string {
		t.Helper()
		key := Key{Model: model, Data: data}
		if _, err := cache.Get(key, func() (*Features, error) { return &Features{Dim: 1, Data: []float32{1}, Labels: []int{0}}, nil }); err != nil {
			t.Fatal(err)
		}
		return filepath.Base(cache.Path(key))
	}
	want := []string{"checkpoint.safetensors", "features-mine.safetensors", "features-notes.txt"}
	for _, name := range want[:2] {
		if err := safetensors.WriteFile(filepath.Join(cache.Dir, name), nil, map[string]string{"by": "others"}); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(cache.Dir, want[2]), []byte("notes"), 0o666); err != nil {
		t.Fatal(err)
	}
	for _, model := range []string{"old", "new"} {
		files := append(slices.Clone(want), get(model, "bank"), get(model, "queries"))
		slices.Sort(files)
		entries, err := os.ReadDir(cache.Dir)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, e := range entries {
			got = append(got, e.Name())
		}
		if !slices.Equal(got, files) {
			t.Errorf("of model %s there are %v, want %v", model, got, files)
		}
	}
}

func TestCacheThatCannotKeep(t *testing.T) {
	var warnings []error
	cache := Cache{Dir: filepath.Join(t.TempDir(), "absent"), Warn: func(err error) { warnings = append(warnings, err) }}
	f, err := cache.Get(Key{}, func() (*Features, error) { return &Features{Dim: 1, Data: []float32{1}, Labels: []int{0}}, nil })
	if err != nil || f.Len() != 1 {
		t.Errorf("features %v, error %v", f, err)
	}
	if len(warnings) != 1 || !strings.Contains(warnings[0].Error(), "are not kept") {
		t.Errorf("warnings %v", warnings)
	}
	broken := errors.New("no encoder")
	if _, err := cache.Get(Key{}, func() (*Features, error) { return nil, broken }); !errors.Is(err, broken) {
		t.Errorf("error %v, want %v", err, broken)
	}
}

func TestFileDigest(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	if err := os.WriteFile(path, []byte("abc"), 0o666); err != nil {
		t.Fatal(err)
	}
	// FIPS 180-2, appendix B.1.
	if got, err := FileDigest(path); err != nil || got != "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" {
		t.Errorf("digest %s, error %v", got, err)
	}
	if _, err := FileDigest(path + "x"); err == nil {
		t.Error("no error for a file that is not there")
	}
}

// TestCacheLeavesLinks: a link at a cache file's name is not followed, and a pipe is not
// waited for; the features are computed all the same.
func TestCacheLeavesLinks(t *testing.T) {
	key := Key{Model: "m1", Data: "d1"}
	for _, kind := range []string{"link", "pipe"} {
		t.Run(kind, func(t *testing.T) {
			var warnings []error
			cache := Cache{Dir: t.TempDir(), Warn: func(err error) { warnings = append(warnings, err) }}
			victim := filepath.Join(t.TempDir(), "victim")
			if err := os.WriteFile(victim, []byte("precious"), 0o666); err != nil {
				t.Fatal(err)
			}
			place := func() error { return os.Symlink(victim, cache.Path(key)) }
			if kind == "pipe" {
				place = func() error { return syscall.Mkfifo(cache.Path(key), 0o666) }
			}
			if err := place(); err != nil {
				t.Fatal(err)
			}
			f, err := cache.Get(key, func() (*Features, error) {
				return &Features{Dim: 1, Data: []float32{1}, Labels: []int{0}}, nil
			})
			if err != nil || f.Len() != 1 {
				t.Errorf("features %+v, %v", f, err)
			}
			if len(warnings) != 2 || !strings.Contains(warnings[1].Error(), "features are not kept") || !strings.Contains(warnings[1].Error(), "remove it") {
				t.Errorf("warnings %v", warnings)
			}
			if data, err := os.ReadFile(victim); err != nil || string(data) != "precious" {
				t.Errorf("the file that the link led to holds %q, %v", data, err)
			}
		})
	}
}
