package coco

import "fmt"

// tidy makes of a file's entries what pycocotools makes of them, and notes what a user may
// not expect. Of entries with one id the last stands for all; annotations of an image or a
// category that is not listed are not scored.
func (d *Dataset) tidy() {
	images := lastOf(d.Images, func(i Image) int64 { return i.ID })
	d.noteDuplicates("image", len(d.Images)-len(images))
	d.Images = images
	categories := lastOf(d.Categories, func(c Category) int64 { return c.ID })
	d.noteDuplicates("category", len(d.Categories)-len(categories))
	d.Categories = categories

	imageAt, categoryAt := map[int64]bool{}, map[int64]bool{}
	for _, i := range d.Images {
		imageAt[i.ID] = true
	}
	for _, c := range d.Categories {
		categoryAt[c.ID] = true
	}
	same := d.duplicates()
	var ofImage, ofCategory leftOut
	repeated, zero := 0, 0
	kept := d.Annotations[:0]
	for i, a := range d.Annotations {
		if !imageAt[a.ImageID] {
			ofImage.add(i, a.ID, a.ImageID)
			continue
		}
		if !categoryAt[a.CategoryID] {
			ofCategory.add(i, a.ID, a.CategoryID)
			continue
		}
		if last, ok := same[a.ID]; ok && last != i {
			repeated++
			a = d.Annotations[last] // which lies behind: nothing has replaced it yet
			if !imageAt[a.ImageID] || !categoryAt[a.CategoryID] {
				continue
			}
		}
		if a.ID == 0 {
			zero++
		}
		kept = append(kept, a)
	}
	clear(d.Annotations[len(kept):])
	d.Annotations = kept
	ofImage.note(d, "image", len(d.Images))
	ofCategory.note(d, "category", len(d.Categories))
	d.noteDuplicates("annotation", repeated)
	if zero > 0 {
		d.note("an annotation has id 0, which pycocotools takes for no match: a detection of it counts as wrong, as there; number annotations from 1")
	}
}

func (d *Dataset) note(format string, args ...any) {
	d.Notes = append(d.Notes, fmt.Sprintf(format, args...))
}

func (d *Dataset) noteDuplicates(what string, n int) {
	if n > 0 {
		d.note("%d %s ids occur before with another entry: the last entry of an id stands for all of them, as in pycocotools; give each its own", n, what)
	}
}

// leftOut are annotations that refer to what is not listed.
type leftOut struct {
	n             int
	index         int // of the first, with its id and what it refers to
	id, reference int64
}

func (l *leftOut) add(index int, id, reference int64) {
	if l.n == 0 {
		l.index, l.id, l.reference = index, id, reference
	}
	l.n++
}

func (l *leftOut) note(d *Dataset, what string, listed int) {
	if l.n > 0 {
		d.note("%d annotations are left out, whose %s is not among the %d that are listed: the first is annotations[%d] (id %s, %s %s)",
			l.n, what, listed, l.index, d.ids.Text(l.id), what, d.ids.Text(l.reference))
	}
}

// lastOf keeps of entries with one id the last, at the place of the first.
func lastOf[T any](entries []T, id func(T) int64) []T {
	at := make(map[int64]int, len(entries))
	var out []T
	for _, e := range entries {
		if i, ok := at[id(e)]; ok {
			out[i] = e
			continue
		}
		at[id(e)] = len(out)
		out = append(out, e)
	}
	return out
}
