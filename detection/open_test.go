package detection

import (
	"bytes"
	"context"
	"fmt"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pmx/images"
)

// write puts files below a folder: text as it is, "" for a picture of 40x30 pixels.
func write(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		if text == "" {
			var picture bytes.Buffer
			if err := png.Encode(&picture, images.NewImage(40, 30)); err != nil {
				t.Fatal(err)
			}
			text = picture.String()
		}
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// instances is an instances file of one picture of that name with one good object and
// more annotations.
func instances(picture string, more ...string) string {
	return fmt.Sprintf(`{"images": [{"id": 0, "file_name": %q, "width": 40, "height": 30}],
		"categories": [{"id": 0, "name": "all", "supercategory": "none"}, {"id": 1, "name": "cup", "supercategory": "all"}],
		"annotations": [%s]}`, picture, strings.Join(append([]string{good}, more...), ","))
}

const good = `{"id": 1, "image_id": 0, "category_id": 1, "bbox": [2, 3, 20, 15], "segmentation": [[2, 3, 22, 3, 22, 18, 2, 18]]}`

// TestLayouts: folders as the tools write them, with names as they write them.
func TestLayouts(t *testing.T) {
	cases := map[string]struct {
		files      map[string]string
		validation bool
	}{
		"CVAT":                {map[string]string{"annotations/instances_default.json": instances("a/b.png"), "images/default/a/b.png": ""}, false},
		"CVAT, older":         {map[string]string{"annotations/instances_default.json": instances("b.png"), "images/b.png": ""}, false},
		"CVAT, parts":         {map[string]string{"annotations/instances_Train.json": instances("b.png"), "annotations/instances_Validation.json": instances("c.png"), "images/Train/b.png": "", "images/Validation/c.png": ""}, true},
		"Label Studio":        {map[string]string{"result.json": instances("images/1a2b3c4d-b.png"), "images/1a2b3c4d-b.png": ""}, false},
		"Label Studio, other": {map[string]string{"result.json": instances(`..\\..\\media\\upload\\1\\1a2b3c4d-b.png`), "images/b.png": ""}, false},
		"Label Studio, URL":   {map[string]string{"result.json": instances("/data/upload/1/1a2b3c4d-b%20c.png"), "images/b c.png": ""}, false},
		"Roboflow":            {map[string]string{"train/_annotations.coco.json": instances("b.png"), "train/b.png": "", "valid/_annotations.coco.json": instances("c.png"), "valid/c.png": ""}, true},
		"labelme":             {map[string]string{"annotations.json": instances(`JPEGImages/b.png`), "JPEGImages/b.png": ""}, false},
		"COCO":                {map[string]string{"annotations/instances_train2017.json": instances("b.png"), "annotations/instances_val2017.json": instances("c.png"), "train2017/b.png": "", "val2017/c.png": ""}, true},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			source, err := Open(context.Background(), "coco:"+write(t, c.files))
			if err != nil {
				t.Fatal(err)
			}
			if source.Train.Objects() != 1 || len(source.Train.Categories) != 2 || source.Train.Categories[1].Name != "cup" || (source.Validation != nil) != c.validation {
				t.Errorf("%d objects of %v, validation %v", source.Train.Objects(), source.Train.Categories, source.Validation != nil)
			}
			// Roboflow's first category is a group, which no picture has.
			if notes := strings.Join(source.Train.Notes(), "\n"); !strings.Contains(notes, `classes without an object, which are kept: 1, the first is "all"`) {
				t.Errorf("notes %q", notes)
			}
		})
	}
}

// TestBadAnnotations: what cannot be used is left out, counted and named.
func TestBadAnnotations(t *testing.T) {
	object := func(id int, box, shape string) string {
		return fmt.Sprintf(`{"id": %d, "image_id": 0, "category_id": 1, "bbox": %s, "segmentation": %s}`, id, box, shape)
	}
	dir := write(t, map[string]string{"b.png": "", "instances.json": instances("b.png",
		object(2, "[5, 5, 0, 4]", "[]"), object(3, "[5, 5, 4, 0]", "[]"), object(4, "[15, 5, -4, 8]", "[]"),
		object(5, "[40, 5, 10, 10]", "[]"), object(6, "[5, -20, 10, 12]", "[]"), object(7, "[30, 20, 30, 30]", "[[30, 20, 60, 20, 60, 50]]"),
		object(8, "[1, 1, 3, 3]", `{"size": [20, 20], "counts": [0, 400]}`), object(9, "[1, 1, 3, 3]", "[]"),
		object(10, "[1, 1, 3, 3]", "[[1, 1, 4, 4]]"), object(11, "[1, 1, 3, 3]", "[[1, 1, 4, 1, 4]]"), object(12, "[1, 1, 3, 3]", "[[1, 1, 4, 1, NaN, 4]]"),
		object(13, "[1, 1, 9, 9]", "[[1, 1, 9, 1, 9, 9, 1, 9], [3, 3]]"))})
	data := openTrain(t, "coco:"+filepath.Join(dir, "instances.json"))
	notes := strings.Join(data.Notes(), "\n")
	for _, want := range []string{
		"objects left out with a box of no width or height: 2, the first is annotation 2 of",
		"objects left out with a box of negative width or height: 1, the first is annotation 4 of",
		"objects left out that lie outside of their picture: 2, the first is annotation 5 of",
		"objects clipped that reach beyond their picture: 1, the first is annotation 7 of",
		`objects left out with a mask of another size than their picture: 1, the first is annotation 8 of "b.png", 20x20 for 40x30`,
		"objects left out with an outline that cannot be drawn: 3, the first is annotation 10 of",
		"objects without an outline, for which the box is taken: 1, the first is annotation 9 of",
	} {
		if !strings.Contains(notes, want) {
			t.Errorf("no note %q in\n%s", want, notes)
		}
	}
	img := sampled(t, data, 0)
	_, target, err := Fit(80).Apply(img, &data.Pictures[0], images.NewRand(1, 0, 0, 0), new(Workspace))
	if err != nil {
		t.Fatal(err)
	}
	if got, want := fmt.Sprint(target.IDs, target.Boxes), "[1 7 9 13] [[4 6 44 36] [60 40 80 60] [2 2 8 8] [2 2 20 20]]"; got != want {
		t.Errorf("targets %s, want %s", got, want)
	}
}

// TestBadPictures: pictures that are missing, of another size or unreadable are left
// out; a data set of which nothing remains is refused.
func TestBadPictures(t *testing.T) {
	one := func(id int, name string, width int) string {
		return fmt.Sprintf(`{"id": %d, "file_name": %q, "width": %d, "height": 30}`, id, name, width)
	}
	file := `{"images": [` + strings.Join([]string{one(0, "b.png", 40), one(1, "lost.png", 40), one(2, "text.png", 40), one(3, "other.png", 50), one(4, "huge.bmp", 40)}, ",") +
		`], "categories": [{"id": 1, "name": "cup"}], "annotations": [` + good + `]}`
	// A header of 2^30 x 2^30 pixels.
	huge := "BM" + string(make([]byte, 8)) + "\x00\x00\x00\x00\x28\x00\x00\x00\x00\x00\x00\x40\x00\x00\x00\x40\x01\x00\x18\x00" + string(make([]byte, 24))
	dir := write(t, map[string]string{"instances.json": file, "b.png": "", "other.png": "", "text.png": "not a picture", "huge.bmp": huge})
	data := openTrain(t, "coco:"+dir)
	notes := strings.Join(data.Notes(), "\n")
	for _, want := range []string{
		`pictures left out that are not there: 1, the first is "lost.png"`,
		"pictures left out that cannot be read: 2, the first is " + filepath.Join(dir, "text.png"),
		"pictures left out that have another size than their annotations say: 1, the first is " + filepath.Join(dir, "other.png") + ", 40x30 where the file says 50x30",
	} {
		if !strings.Contains(notes, want) {
			t.Errorf("no note %q in\n%s", want, notes)
		}
	}
	if data.Len() != 1 {
		t.Errorf("%d pictures, want 1", data.Len())
	}
	for name, text := range map[string]string{
		"pictures left out that are not there": instances("lost.png"),
		"annotate some":                        `{"images": [], "categories": [], "annotations": []}`,
	} {
		_, err := Open(context.Background(), "coco:"+write(t, map[string]string{"instances.json": text}))
		if err == nil || !strings.Contains(err.Error(), "has no object to train on") || !strings.Contains(err.Error(), name) {
			t.Errorf("error %v, want one with %q", err, name)
		}
	}
	for _, spec := range []string{"coco", "voc:" + dir, "coco:" + filepath.Join(dir, "nothing.json"), "coco:" + filepath.Join(dir, "instances.json") + ",nowhere", "scenes:x", "scenes:0"} {
		if _, err := Open(context.Background(), spec); err == nil {
			t.Errorf("%s is opened", spec)
		}
	}
}

// TestAbsSpec: paths become absolute, whatever commas are in them, and what is no path
// stays.
func TestAbsSpec(t *testing.T) {
	dir := write(t, map[string]string{"a,b/instances.json": instances("b.png"), "pictures, all/b.png": ""})
	t.Chdir(dir)
	dir, err := os.Getwd() // without symbolic links
	if err != nil {
		t.Fatal(err)
	}
	for spec, want := range map[string]string{
		"coco:a,b/instances.json,pictures, all": "coco:" + filepath.Join(dir, "a,b", "instances.json") + "," + filepath.Join(dir, "pictures, all"),
		"coco:a,b":                              "coco:" + filepath.Join(dir, "a,b"),
		"scenes":                                "scenes",
		"scenes:30":                             "scenes:30",
	} {
		got, err := AbsSpec(spec)
		if err != nil || got != want {
			t.Errorf("%s becomes %s, %v, want %s", spec, got, err, want)
		}
	}
	if _, err := Open(context.Background(), "coco:a,b/instances.json,pictures, all"); err != nil {
		t.Error(err)
	}
}
