package coco

import (
	"strings"
	"testing"
)

// TestFindPicture: pictures are found by the names that annotation tools write.
func TestFindPicture(t *testing.T) {
	for _, c := range []struct {
		names []string
		path  string
		want  int // -1: none, or more than one
	}{
		{[]string{"a.jpg", "photo one.jpg"}, "here/photo one.jpg", 1},
		{[]string{"a.jpg", `images\photo one.jpg`}, "photo one.jpg", 1},
		{[]string{"a.jpg", `..\..\label-studio\media\upload\4\photo one.jpg`}, "photo one.jpg", 1},
		{[]string{"a.jpg", "photo%20one.jpg"}, "photo one.jpg", 1},
		{[]string{"100%.jpg"}, "100%.jpg", 0},
		{[]string{"100%.jpg"}, "100%25.jpg", 0},
		{[]string{"a.jpg", "images/ab12cd34-photo_one.jpg"}, "photo one.jpg", 1},
		{[]string{"a.jpg", "/data/upload/1/ab12cd34-photo%20one.jpg"}, "photo one.jpg", 1},
		{[]string{"photo one.jpg"}, "ab12cd34-photo_one.jpg", 0},
		{[]string{"a_jpg.rf.0123456789abcdef0123456789abcdef.jpg"}, "a.jpg", 0},
		{[]string{"a.png"}, "a.jpg", -1},
		{[]string{"b-a.jpg"}, "a.jpg", -1},
		// The better fit of several.
		{[]string{"ab12cd34-a.jpg", "a.jpg"}, "a.jpg", 1},
		{[]string{"ab12cd34-a.jpg", "cd12cd34-a.jpg"}, "a.jpg", -1},
		{[]string{"train/1.jpg", "val/1.jpg"}, "data/val/1.jpg", 1},
		{[]string{"train/1.jpg", `val\1.jpg`}, "data/val/1.jpg", 1},
		{[]string{"train/1.jpg", "val/1.jpg"}, "1.jpg", -1},
	} {
		var entries []string
		for i, name := range c.names {
			entries = append(entries, `{"id":`+string(rune('0'+i))+`,"file_name":`+quoted(name)+`}`)
		}
		s, err := ReadScene(strings.NewReader(`{"images":[`+strings.Join(entries, ",")+`],"categories":[],"annotations":[]}`), ReadOptions{}, nil, c.path)
		if c.want < 0 {
			if err == nil {
				t.Errorf("%v: %s is %s", c.names, c.path, s.Image.FileName)
			}
			continue
		}
		if err != nil || s.Image.ID != int64(c.want) {
			t.Errorf("%v: %s is %v, %v", c.names, c.path, s, err)
		}
	}
}
