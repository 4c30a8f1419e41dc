package coco

import (
	"fmt"
	"slices"
)

// task is what one evaluation works on: the annotations and results to score,
// grouped by category and image.
type task struct {
	typ     IoUType
	gt      *Dataset
	params  Params
	results Results
	gts     grouping // of gt.Annotations
	dts     grouping // of results
	// What pycocotools' loadRes adds to results, one entry each.
	dtArea []float64
	dtBox  []XYWH // nil if the results' own boxes are compared
}

// grouping lists indices of annotations or results, first by category, then by
// image id, then in their order.
type grouping struct {
	refs    []int32
	image   []int32 // position of the image in Params.ImageIDs, beside refs
	firstOf []int32 // category k has refs[firstOf[k]:firstOf[k+1]]
}

// group makes a grouping of n entries. place tells the category and image of
// entry i as positions, or -1 for an entry that is not to be scored; in a category
// agnostic grouping, entries of one image are ordered by category, and all are of
// category 0.
func group(n, categories, images int, agnostic bool, place func(i int) (category, image int)) grouping {
	entries := make([]int32, 0, n)
	category, image := make([]int32, n), make([]int32, n)
	for i := range n {
		k, img := place(i)
		if k < 0 || img < 0 {
			continue
		}
		category[i], image[i] = int32(k), int32(img)
		entries = append(entries, int32(i))
	}
	g := grouping{refs: entries}
	if agnostic {
		g.refs, _ = countingSort(g.refs, category, categories)
		g.refs, _ = countingSort(g.refs, image, images)
		g.firstOf = []int32{0, int32(len(g.refs))}
	} else {
		g.refs, _ = countingSort(g.refs, image, images)
		g.refs, g.firstOf = countingSort(g.refs, category, categories)
	}
	g.image = make([]int32, len(g.refs))
	for i, ref := range g.refs {
		g.image[i] = image[ref]
	}
	return g
}

// countingSort sorts refs stably by key[ref], and tells where each key begins.
func countingSort(refs, key []int32, keys int) (sorted, firstOf []int32) {
	firstOf = make([]int32, keys+1)
	for _, ref := range refs {
		firstOf[key[ref]+1]++
	}
	for k := range keys {
		firstOf[k+1] += firstOf[k]
	}
	next := slices.Clone(firstOf)
	sorted = make([]int32, len(refs))
	for _, ref := range refs {
		sorted[next[key[ref]]] = ref
		next[key[ref]]++
	}
	return sorted, firstOf
}

// prepare groups annotations and results and completes the results.
func (e *Evaluator) prepare(workers *pool, t IoUType) (*task, error) {
	in := &task{typ: t, gt: e.gt, params: e.params, results: e.results}
	imageAt, categoryAt := positions(e.params.ImageIDs), positions(e.params.CategoryIDs)
	place := func(categoryID, imageID int64) (int, int) {
		k, ok := categoryAt[categoryID]
		if !ok {
			return -1, -1
		}
		i, ok := imageAt[imageID]
		if !ok {
			return -1, -1
		}
		return k, i
	}
	categories, images, agnostic := len(e.params.CategoryIDs), len(e.params.ImageIDs), e.params.CategoryAgnostic
	in.gts = group(len(e.gt.Annotations), categories, images, agnostic, func(i int) (int, int) {
		a := &e.gt.Annotations[i]
		return place(a.CategoryID, a.ImageID)
	})
	in.dts = group(len(e.results), categories, images, agnostic, func(i int) (int, int) {
		r := &e.results[i]
		return place(r.CategoryID, r.ImageID)
	})
	if t == Segm {
		if err := in.checkShapes(); err != nil {
			return nil, err
		}
	}
	return in, in.complete(workers)
}

// checkShapes counts the annotations and results that have no mask to compare, as far as that
// is known without drawing them, and names the first.
func (in *task) checkShapes() error {
	annotations, firstAnnotation := faulty(in.gts.refs, func(i int32) bool {
		return in.gt.Annotations[i].Segmentation.check() != nil
	})
	results, firstResult := faulty(in.dts.refs, func(i int32) bool {
		s := &in.results[i].Segmentation
		// Without any, the box stands for it.
		return (!s.IsZero() || s.Problem != "") && s.check() != nil
	})
	var first error
	switch {
	case annotations > 0:
		a := &in.gt.Annotations[firstAnnotation]
		first = fmt.Errorf("annotation %s of image %s: %s", in.gt.IDText(a.ID), in.gt.IDText(a.ImageID), withoutPrefix(a.Segmentation.check()))
	case results > 0:
		r := &in.results[firstResult]
		first = r.fail(int(firstResult), r.Segmentation.check())
	default:
		return nil
	}
	return fmt.Errorf("coco: %d annotations and %d results have no mask that could be scored, the first is %s; score boxes alone by --type bbox",
		annotations, results, withoutPrefix(first))
}

// faulty counts the entries that are, and finds the first in the file.
func faulty(refs []int32, is func(i int32) bool) (n int, first int32) {
	for _, i := range refs {
		if !is(i) {
			continue
		}
		if n++; n == 1 || i < first {
			first = i
		}
	}
	return n, first
}

func positions(ids []int64) map[int64]int {
	at := make(map[int64]int, len(ids))
	for i, id := range ids {
		at[id] = i
	}
	return at
}

// complete gives results area and box by the rule of pycocotools' loadRes, which
// looks at the first result alone: if that has a bbox, areas are those of the
// boxes, even where masks are compared; otherwise areas are those of the masks,
// and so are boxes where a result has none.
func (in *task) complete(workers *pool) error {
	if len(in.results) == 0 {
		return nil
	}
	in.dtArea = make([]float64, len(in.results))
	if in.results[0].HasBox {
		for i := range in.results {
			r := &in.results[i]
			if !r.HasBox {
				return r.fail(i, fmt.Errorf("there is no \"bbox\", but the first result has one: give it to all or to none"))
			}
			in.dtArea[i] = r.Box.Area()
		}
		return nil
	}
	in.dtBox = make([]XYWH, len(in.results))
	const chunk = 1024
	return workers.each((len(in.results)+chunk-1)/chunk, func(c int) error {
		var m masker
		for i := c * chunk; i < min((c+1)*chunk, len(in.results)); i++ {
			r := &in.results[i]
			mask, err := in.summary(&m, i)
			if err != nil {
				return err
			}
			in.dtArea[i], in.dtBox[i] = float64(mask.area), r.Box
			if !r.HasBox {
				in.dtBox[i] = mask.xywh()
			}
		}
		return nil
	})
}

// resultRuns returns the mask of a result, valid until the masker's next use. A
// result with a box alone has the mask of the box, as loadRes has it.
func (in *task) resultRuns(m *masker, i int) (RLE, error) {
	r := &in.results[i]
	img, _ := in.gt.Image(r.ImageID)
	shape := r.Segmentation
	if shape.IsZero() {
		if !in.results[0].HasBox {
			return RLE{}, r.fail(i, fmt.Errorf("there is no \"segmentation\", but the first result has one: give it to all or to none"))
		}
		b := r.Box.XYXY()
		shape.Polygons = []Polygon{{b[0], b[1], b[0], b[3], b[2], b[3], b[2], b[1]}}
	}
	counts, h, w, err := m.counts(&shape, img.Height, img.Width)
	if err != nil {
		return RLE{}, r.fail(i, err)
	}
	return RLE{Height: h, Width: w, Counts: counts}, nil
}

// summary returns what is asked of every mask.
func (in *task) summary(m *masker, i int) (maskSummary, error) {
	r := &in.results[i]
	img, _ := in.gt.Image(r.ImageID)
	if r.mask.known && (img.Height == 0 || img.Width == 0 || img.Height == r.Segmentation.RLE.Height && img.Width == r.Segmentation.RLE.Width) {
		return r.mask, nil
	}
	runs, err := in.resultRuns(m, i)
	if err != nil {
		return maskSummary{}, err
	}
	return summarise(runs), nil
}

// annotationRuns returns the mask of an annotation, valid until the masker's next
// use.
func (in *task) annotationRuns(m *masker, i int) (RLE, error) {
	a := &in.gt.Annotations[i]
	img, _ := in.gt.Image(a.ImageID)
	counts, h, w, err := m.counts(&a.Segmentation, img.Height, img.Width)
	if err != nil {
		return RLE{}, fmt.Errorf("coco: annotation %s of image %s: %s", in.gt.IDText(a.ID), in.gt.IDText(a.ImageID), withoutPrefix(err))
	}
	return RLE{Height: h, Width: w, Counts: counts}, nil
}

// box is what is compared of result i where boxes are.
func (in *task) box(i int32) *XYWH {
	if in.dtBox != nil {
		return &in.dtBox[i]
	}
	return &in.results[i].Box
}

// size is the number of entries of a category.
func (in *task) size(k int) int {
	return int(in.gts.firstOf[k+1] - in.gts.firstOf[k] + in.dts.firstOf[k+1] - in.dts.firstOf[k])
}

// categories lists the K categories that are scored.
func (in *task) categories(d *Dataset) []Category {
	if in.params.CategoryAgnostic {
		return []Category{{ID: -1, Name: "all"}}
	}
	var out []Category
	for _, id := range in.params.CategoryIDs {
		c, _ := d.Category(id)
		out = append(out, c)
	}
	return out
}
