package images

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
)

// TestOrientationRecorded: pictures are turned as Pillow turns them, whichever kind of
// file notes it.
func TestOrientationRecorded(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("testdata", "orientation.json"))
	if err != nil {
		t.Fatal(err)
	}
	var cases []struct {
		Name                       string
		File, Pixels               []byte
		Orientation, Width, Height int
	}
	if err := json.Unmarshal(text, &cases); err != nil {
		t.Fatal(err)
	}
	for _, c := range cases {
		if got := Orientation(c.File); got != c.Orientation {
			t.Errorf("%s: orientation %d, want %d", c.Name, got, c.Orientation)
		}
		path := filepath.Join(t.TempDir(), "picture")
		if err := os.WriteFile(path, c.File, 0o600); err != nil {
			t.Fatal(err)
		}
		img := new(Image)
		if err := ReadUpright(t.Context(), path, img); err != nil {
			t.Fatal(err)
		}
		w, h, err := UprightSize(path)
		if err != nil || w != c.Width || h != c.Height || img.W != w || img.H != h {
			t.Errorf("%s: size %dx%d (%v), read %dx%d, want %dx%d", c.Name, w, h, err, img.W, img.H, c.Width, c.Height)
			continue
		}
		for i, v := range img.Pix {
			if d := int(v) - int(c.Pixels[i]); d < -2 || d > 2 { // JPEG decoders differ by that much
				t.Errorf("%s: value %d is %d, want %d", c.Name, i, v, c.Pixels[i])
				break
			}
		}
	}
	// Where a file ends early nothing is found, and nothing breaks.
	for _, c := range cases {
		for n := range c.File {
			Orientation(c.File[:n])
		}
	}
}
