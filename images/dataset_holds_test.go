package images

import (
	"os"
	"path/filepath"
	"testing"
)

// TestHoldsFile: an image file is known by any of its names, and also where it is held
// out; what only lies beside the images is none of them.
func TestHoldsFile(t *testing.T) {
	dir := t.TempDir()
	folder := filepath.Join(dir, "photos")
	for _, name := range []string{"0.png", "1.png", "2.png", "3.png"} {
		writeFile(t, encodePNG(t, plain(4, 4, 1, 2, 3)), folder, name)
	}
	writeFile(t, []byte("0.png\n"), folder, "list.txt")
	writeFile(t, encodePNG(t, plain(4, 4, 1, 2, 3)), dir, "other.png")
	if err := os.Link(filepath.Join(folder, "0.png"), filepath.Join(dir, "hard.png")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("photos/0.png", filepath.Join(dir, "soft.png")); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		d    Dataset
		path string
		want bool
	}{
		{open(t, "folder:"+folder, Train), "photos/0.png", true},
		{open(t, "folder:"+folder, Train), "photos/../photos/3.png", true},
		{open(t, "folder:"+folder, Train), "hard.png", true},
		{open(t, "folder:"+folder, Train), "soft.png", true},
		{open(t, "folder:"+folder, Train), "other.png", false},
		{open(t, "folder:"+folder, Train), "none.png", false},
		{open(t, "folder:"+folder, Train), "photos/list.txt", false},
		{open(t, "list:"+filepath.Join(folder, "list.txt"), Train), "photos/0.png", true},
		{open(t, "list:"+filepath.Join(folder, "list.txt"), Train), "photos/1.png", false},
		{open(t, "sample", Train), "photos/0.png", false},
	} {
		if got := HoldsFile(c.d, filepath.Join(dir, c.path)); got != c.want {
			t.Errorf("%s holds %s: %t, want %t", c.d.Name(), c.path, got, c.want)
		}
	}
	for _, split := range []string{Train, Test} {
		d := open(t, "folder:"+folder, split, HoldOut(.5))
		for _, name := range []string{"0.png", "1.png", "2.png", "3.png"} {
			if !HoldsFile(d, filepath.Join(folder, name)) {
				t.Errorf("%s does not hold %s", d.Name(), name)
			}
		}
	}
}
