package coco

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"
)

// Evaluator scores detections against a dataset, with the numbers of
// pycocotools.cocoeval, bit for bit. It is not safe for concurrent use; Evaluate
// itself uses all processors.
type Evaluator struct {
	// Progress, if set, is called now and then during Evaluate, with the number of
	// detections and annotations that are done; never twice at the same time.
	Progress func(done, total int)

	gt      *Dataset
	params  Params
	results Results
}

// NewEvaluator returns an evaluator without detections.
func NewEvaluator(gt *Dataset, p Params) (*Evaluator, error) {
	p, err := p.resolve(gt)
	if err != nil {
		return nil, err
	}
	return &Evaluator{gt: gt, params: p}, nil
}

// Reset forgets all detections.
func (e *Evaluator) Reset() { e.results = nil }

// Process adds the detections of one image.
func (e *Evaluator) Process(imageID int64, in Instances) error {
	results, err := in.Results(imageID)
	if err != nil {
		return err
	}
	return e.Add(results)
}

// Add adds results in their order. A result of an image or a category that the
// dataset does not have, or with a number that is not finite, is an error, and
// none is added. (pycocotools leaves out results of unknown categories without a
// word.)
func (e *Evaluator) Add(results Results) error {
	for i := range results {
		r := &results[i]
		if _, ok := e.gt.imageIndex[r.ImageID]; !ok {
			return r.fail(i, fmt.Errorf("it is of image %s, which is not among the %d images of the dataset: are the results of another split?", e.gt.IDText(r.ImageID), len(e.gt.Images)))
		}
		if _, ok := e.gt.categoryIndex[r.CategoryID]; !ok {
			return r.fail(i, fmt.Errorf("it is of category %s, which is not among the %d categories of the dataset: category_id is an id, not an index", e.gt.IDText(r.CategoryID), len(e.gt.Categories)))
		}
		if !r.finite() {
			return r.fail(i, fmt.Errorf("its score %v and box %v must be finite", r.Score, r.Box))
		}
	}
	if e.results == nil {
		e.results = results[:len(results):len(results)]
		return nil
	}
	e.results = append(e.results, results...)
	return nil
}

// Evaluate scores all detections added, once for each type.
func (e *Evaluator) Evaluate(ctx context.Context, types ...IoUType) ([]*Evaluation, error) {
	var out []*Evaluation
	for _, t := range types {
		one, err := e.evaluate(ctx, t)
		if err != nil {
			return nil, err
		}
		out = append(out, one)
	}
	return out, nil
}

func (e *Evaluator) evaluate(ctx context.Context, t IoUType) (*Evaluation, error) {
	if t != BBox && t != Segm {
		return nil, fmt.Errorf("coco: unknown type %q of scores, there are %q and %q", t, BBox, Segm)
	}
	workers := newPool(ctx)
	in, err := e.prepare(workers, t)
	if err != nil {
		return nil, err
	}
	out := newEvaluation(t, e.params, in.categories(e.gt))
	out.ids = e.gt.ids
	// Large categories first, so that the work ends on all processors at once.
	order := make([]int, len(out.Categories))
	for k := range order {
		order[k] = k
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(in.size(b), in.size(a)) })
	var progress sync.Mutex
	done, total := 0, len(in.dts.refs)+len(in.gts.refs)
	err = workers.each(len(order), func(i int) error {
		c := in.category(order[i])
		if err := c.match(workers); err != nil {
			return err
		}
		if err := c.accumulate(workers, out); err != nil {
			return err
		}
		progress.Lock()
		defer progress.Unlock()
		done += in.size(order[i])
		if e.Progress != nil {
			e.Progress(done, total)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}
