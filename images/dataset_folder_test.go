package images

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestFolderParts: what is a part of a folder and what is a class, and what is said
// where it may be meant otherwise. None of these files is an image.
func TestFolderParts(t *testing.T) {
	for name, c := range map[string]struct {
		files   string
		classes string
		test    bool
		note    string // in the notes on the training images, "" for none
	}{
		"capitals":       {"Train/a/1.png Train/b/2.png TEST/b/3.png", "a b", true, ""},
		"capital val":    {"train/a/1.png Val/a/2.png", "a", true, ""},
		"both spellings": {"Train/x/1.png train/a/1.png test/a/2.png", "a", true, ""},
		"train alone":    {"Train/a/1.png", "a", false, ""},
		"unknown beside": {"train/1.png extra/2.png", "extra train", false, `"train" counts as a class like "extra": for images to train on and to test with make folders train and test (or val) in it`},
		"valid":          {"train/a/1.png valid/a/2.png", "a", true, ""},
		"in capitals":    {"TRAIN/a/1.png VALID/a/2.png", "a", true, ""},
		"validation":     {"train/a/1.png Validation/a/2.png", "a", true, ""},
		"training":       {"training/a/1.png testing/a/2.png", "a", true, ""},
		"Training, val":  {"Training/a/1.png val/a/2.png", "a", true, ""},
		"three parts":    {"train/a/1.png valid/a/2.png test/a/3.png", "a", true, "test is tested with, and valid left out"},
		"test unsorted":  {"train/a/1.png valid/a/2.png test/3.png", "a", true, "valid is tested with, and test left out"},
		"test alone":     {"a/1.png valid/2.png", "a valid", false, `"valid" counts as a class like "a"`},
		"classes":        {"a/1.png b/2.png", "a b", false, ""},
		"no images":      {"a/1.png train/notes.txt b/2.png", "a b", false, ""},
		"unread": {"a/1.png a/2.heic a/x/3.HEIC b/4.avif b/notes.txt b/.hidden.heic .b/5.heic b/5.png", "a b", false,
			"images are left out by their endings, 3 (1 .avif, 2 .heic): JPEG, PNG, GIF, BMP, WebP, TIFF, PNM are read"},
	} {
		dir := t.TempDir()
		for file := range strings.FieldsSeq(c.files) {
			writeFile(t, nil, dir, file)
		}
		d := open(t, "folder:"+dir, Train)
		if got := strings.Join(d.Classes(), " "); got != c.classes {
			t.Errorf("%s: classes %q, want %q", name, got, c.classes)
		}
		if _, err := Open("folder:"+dir, Test); (err == nil) != c.test {
			t.Errorf("%s: test images: %v", name, err)
		}
		notes := Notes(d)
		if c.note == "" && len(notes) > 0 || c.note != "" && (len(notes) != 1 || !strings.Contains(notes[0], c.note) || !strings.Contains(notes[0], dir)) {
			t.Errorf("%s: notes %q, want %q", name, notes, c.note)
		}
		if d.Len() < 2 {
			continue
		}
		part, err := Subset(d, "part", []int{0})
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(Notes(part), notes) {
			t.Errorf("%s: notes on a part %q, want %q", name, Notes(part), notes)
		}
	}
	if notes := Notes(open(t, "sample", Train)); len(notes) != 0 {
		t.Errorf("notes on the sample: %q", notes)
	}
	if got := firstNamed([]string{"TEST", filepath.Join("a", "b")}, []string{"test"}); got != "TEST" {
		t.Errorf("%q", got)
	}
}
