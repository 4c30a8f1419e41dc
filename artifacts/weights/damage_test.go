package weights_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pmx/artifacts/safetensors"
	"pmx/artifacts/weights"
	"pmx/internal/errtest"
)

// TestDamage cuts the good files and flips their bits: no panic, no cut file is taken,
// and damage that is found is told in one line. (Package torchfile does the same to
// every container.)
func TestDamage(t *testing.T) {
	for _, f := range manifest(t) {
		if f.Expect != "load" || strings.HasPrefix(f.File, "container_") {
			continue
		}
		good, name, step := f.path(), filepath.Base(f.File), 1000
		switch f.File {
		case "hf_vit":
			good, name, step = filepath.Join(good, safetensors.ModelFile), "x.safetensors", 100
		case "dino_bare.pth":
			step = 100
		}
		data, err := os.ReadFile(good)
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(t.TempDir(), name)
		read := func(data []byte) error {
			if err := os.WriteFile(path, data, 0o666); err != nil {
				t.Fatal(err)
			}
			_, _, err := weights.Read(path, weights.Options{Heads: 3})
			return err
		}
		for at := 0; at < len(data); at += step {
			errtest.OneLine(t, read(data[:at]))
			damaged := bytes.Clone(data)
			damaged[at] ^= 0xff
			if err := read(damaged); err != nil {
				errtest.OneLine(t, err)
			}
		}
	}
}

// FuzzRead reads arbitrary bytes as a file of weights: no panic, and what is taken is
// a whole encoder, which can be written.
func FuzzRead(f *testing.F) {
	for _, pattern := range []string{"refuse/missing_key.pth", "refuse/d*.pth", "hostile/*.safetensors"} {
		paths, err := filepath.Glob(filepath.Join(fixtures, pattern))
		if err != nil {
			f.Fatal(err)
		}
		for _, path := range paths {
			data, err := os.ReadFile(path)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(data)
		}
	}
	f.Add([]byte("\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.\x80\x02M\xe9\x03.\x80\x02}X\x0d\x00\x00\x00little_endian\x88s.\x80\x02}.\x80\x02]."))
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, data []byte) {
		path := filepath.Join(dir, "x.pth")
		if err := os.WriteFile(path, data, 0o666); err != nil {
			t.Fatal(err)
		}
		e, _, err := weights.Read(path, weights.Options{Heads: 1})
		if err != nil {
			return
		}
		if err := weights.Write(filepath.Join(dir, "out.safetensors"), "safetensors", e); err != nil {
			t.Error(err)
		}
	})
}
