package images

import (
	"os"
	"path/filepath"
	"testing"
)

// oddFiles are the files that make_odd.py recorded, with what they are to be decoded to.
func oddFiles(t *testing.T) (files []string) {
	t.Helper()
	all, err := filepath.Glob(filepath.Join("testdata", "odd", "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range all {
		if _, err := os.Stat(file + ".png"); err == nil {
			files = append(files, file)
		}
	}
	if want := 86; len(files) < want {
		t.Fatalf("%d files, want %d", len(files), want)
	}
	return files
}

// TestOddFiles decodes files that people's tools and accidents make to what Pillow
// decodes them to.
func TestOddFiles(t *testing.T) {
	for _, file := range oddFiles(t) {
		t.Run(filepath.Base(file), func(t *testing.T) {
			var img Image
			if err := ReadImage(t.Context(), file, &img); err != nil {
				t.Fatal(err)
			}
			limit := 0
			if filepath.Ext(file) == ".jpg" {
				limit = 2
			}
			if mean, most := difference(t, &img, readPNG(t, file+".png")); most > limit {
				t.Errorf("mean difference %.4f, largest %d", mean, most)
			}
		})
	}
}
