package cli

import (
	"image"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestShowTurned: a picture that a camera holds on its side (EXIF orientation 6, 120 x 80
// pixels as stored) is drawn on as it is shown, whichever of the two sizes a file gives.
// In Pillow's exif_transpose of it a red object fills the box [50 20 20 40] on grey.
func TestShowTurned(t *testing.T) {
	const photo = "testdata/show/phone.jpg"
	stored, err := os.ReadFile("testdata/show/ls_phone.json")
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		size string
		code int
	}{
		"as stored": {`"width": 120, "height": 80`, ExitOK},
		"as shown":  {`"width": 80, "height": 120`, ExitOK},
		"no size":   {`"x": 1`, ExitOK},
		"another":   {`"width": 120, "height": 81`, ExitFailure},
	} {
		dir := t.TempDir()
		gt, out := filepath.Join(dir, "gt.json"), filepath.Join(dir, "out.png")
		writeText(t, gt, strings.Replace(string(stored), `"width": 120, "height": 80`, c.size, 1))
		var stdout, stderr strings.Builder
		if code := Main(t.Context(), []string{"detect", "show", photo, "--gt", gt, "--hide", "labels", "--out", out}, &stdout, &stderr); code != c.code {
			t.Errorf("%s: exit code %d: %s", name, code, &stderr)
		}
		if c.code != ExitOK {
			if want := "has 80 x 120 pixels, and image 0 of"; !strings.Contains(stderr.String(), want) {
				t.Errorf("%s: %s, want %s", name, &stderr, want)
			}
			continue
		}
		f, err := os.Open(out)
		if err != nil {
			t.Fatal(err)
		}
		drawn, err := png.Decode(f)
		f.Close()
		if err != nil || drawn.Bounds() != image.Rect(0, 0, 80, 120) {
			t.Fatalf("%s: %v, %v", name, drawn.Bounds(), err)
		}
		red := func(x, y int) bool { r, g, _, _ := drawn.At(x, y).RGBA(); return r > 2*g }
		if !red(60, 40) || !red(53, 23) || !red(66, 56) || red(45, 40) || red(75, 40) || red(60, 15) || red(60, 65) {
			t.Errorf("%s: the object is not in its box", name)
		}
	}
}
