package images

import (
	"path/filepath"
	"testing"
)

func TestAbsSpec(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	dir, err := filepath.Abs(".") // without links, as the program sees it
	if err != nil {
		t.Fatal(err)
	}
	for spec, want := range map[string]string{
		"sample":           "sample",
		"folder:photos":    "folder:" + filepath.Join(dir, "photos"),
		"folder:./a:b/../": "folder:" + dir,
		"folder:/photos":   "folder:/photos",
		"photos":           filepath.Join(dir, "photos"),
		"list:../x.txt":    "list:" + filepath.Join(filepath.Dir(dir), "x.txt"),
		"/data/cifar":      "/data/cifar",
	} {
		if got, err := AbsSpec(spec); err != nil || got != want {
			t.Errorf("AbsSpec(%q) = %q, %v; want %q", spec, got, err, want)
		}
	}
}
