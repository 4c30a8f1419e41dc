package cli

import (
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"

	"pmx/evaluation"
	"pmx/onnxgraph"
	"pmx/patchmix"
)

// dataHelp is the part of a help text that lists the data sets.
func dataHelp() string {
	var b strings.Builder
	b.WriteString("Images (SPEC), as a format and a path or as a path alone:\n")
	for name, f := range patchmix.Formats.All() {
		spec := name
		if f.Arg != "" {
			spec += ":" + f.Arg
		}
		fmt.Fprintf(&b, "  %-14s %s\n", spec, f.Help)
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// openData opens one split of the recipe's images.
func (r Recipe) openData(split string) (patchmix.Dataset, error) {
	if r.Sources.Data == "" {
		return nil, usageErrorf("no images to work on: name them by --data SPEC (%s)", strings.Join(patchmix.Formats.Names(), ", "))
	}
	var options []patchmix.OpenOption
	if r.HoldOut > 0 {
		options = append(options, patchmix.HoldOut(r.HoldOut))
	}
	return patchmix.Open(r.Sources.Data, split, options...)
}

// errNoLabels says that images cannot be classified.
var errNoLabels = errors.New("the images have no classes")

// labelledSplits are the images that vote and those that are classified.
func (r Recipe) labelledSplits() (bank, queries patchmix.Dataset, err error) {
	if bank, err = r.openData(patchmix.Train); err != nil {
		return nil, nil, err
	}
	if queries, err = r.openData(patchmix.Test); err != nil {
		if errors.Is(err, patchmix.ErrNoSplit) {
			err = fmt.Errorf("%w: --set hold_out=0.1 keeps a tenth for it", err)
		}
		return nil, nil, err
	}
	var img patchmix.Image
	label, err := bank.Sample(0, &img)
	if err == nil && label < 0 {
		err = errNoLabels
	}
	return bank, queries, err
}

// evalSide is the usual evaluation of an encoder for images of a side: photographs
// are scaled to 256/224 of it and cut, small images are only scaled.
func evalTransform(side int) patchmix.EvalTransform {
	if side < 64 {
		return patchmix.EvalTransform{Size: side}
	}
	return patchmix.EvalTransform{Size: side, Resize: side * 256 / 224}
}

// evalBatches are a data set's images as an encoder takes them: normalised float
// [n 3 side side], or bytes [n side side 3]. All cores decode; the order stays.
func evalBatches(d patchmix.Dataset, side, size int, bytes bool) evaluation.Batches {
	return func(yield func(evaluation.Batch, error) bool) {
		loader := newEvalLoader(d, side, bytes)
		for first := 0; first < d.Len(); first += size {
			batch, err := loader.load(first, min(size, d.Len()-first))
			if !yield(batch, err) || err != nil {
				return
			}
		}
	}
}

// evalLoader decodes and scales images; each worker has its own memory.
type evalLoader struct {
	data      patchmix.Dataset
	transform patchmix.EvalTransform
	normalize *patchmix.Normalizer // nil: bytes
	workers   []evalWorker
}

type evalWorker struct {
	image patchmix.Image
	work  patchmix.Workspace
}

func newEvalLoader(d patchmix.Dataset, side int, bytes bool) *evalLoader {
	l := &evalLoader{data: d, transform: evalTransform(side), workers: make([]evalWorker, runtime.NumCPU())}
	if !bytes {
		l.normalize = patchmix.NewNormalizer(patchmix.ImageNetMean, patchmix.ImageNetStd)
	}
	return l
}

// load reads n images from the first on.
func (l *evalLoader) load(first, n int) (evaluation.Batch, error) {
	side := l.transform.Size
	batch := evaluation.Batch{Labels: make([]int, n)}
	if l.normalize != nil {
		batch.Images = onnxgraph.Zeros(onnxgraph.Float32, []int{n, 3, side, side})
	} else {
		batch.Images = onnxgraph.Zeros(onnxgraph.Uint8, []int{n, side, side, 3})
	}
	errs := make([]error, len(l.workers))
	var wait sync.WaitGroup
	for k := range l.workers {
		wait.Go(func() {
			for i := k; i < n && errs[k] == nil; i += len(l.workers) {
				batch.Labels[i], errs[k] = l.one(&l.workers[k], first+i, i, batch.Images)
			}
		})
	}
	wait.Wait()
	return batch, errors.Join(errs...)
}

// one puts image i at row of images.
func (l *evalLoader) one(w *evalWorker, i, row int, images *onnxgraph.Tensor) (label int, err error) {
	label, err = l.data.Sample(i, &w.image)
	if err != nil {
		return 0, err
	}
	scaled := l.transform.Apply(&w.image, nil, &w.work)
	n := 3 * scaled.W * scaled.H
	if l.normalize == nil {
		copy(onnxgraph.Data[uint8](images)[row*n:][:n], scaled.Pix)
	} else {
		l.normalize.Planes(onnxgraph.Data[float32](images)[row*n:][:n], scaled)
	}
	return label, nil
}
