package tasks

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"pmx/evaluation"
	"pmx/images"
	"pmx/internal/cancel"
	"pmx/internal/progress"
	"pmx/onnxgraph"
)

// Images are data sets of a program's own, in the place of what a recipe names. Test
// may be nil.
type Images struct {
	Train, Test images.Dataset
}

// RecipeError is a recipe that cannot be trained by, whatever the data.
type RecipeError struct{ Err error }

func (e *RecipeError) Error() string { return e.Err.Error() }
func (e *RecipeError) Unwrap() error { return e.Err }

// ErrNoData is what errors.Is finds when a recipe names no images.
var ErrNoData = errors.New("no images to work on: name them by --data SPEC")

// Splits opens the training and the test images of a data set: *images.Source, or
// Images.
type Splits interface {
	Open(split string) (images.Dataset, error)
	HoldsOut() bool
}

// Open implements Splits.
func (i Images) Open(split string) (images.Dataset, error) {
	switch {
	case split == images.Train:
		return i.Train, nil
	case i.Test == nil:
		return nil, images.ErrNoSplit
	}
	return i.Test, nil
}

// HoldsOut implements Splits.
func (i Images) HoldsOut() bool { return false }

// Source finds the images that a recipe names, and opens them with more options. It ends
// with ctx.
func Source(ctx context.Context, b *Base, more ...images.OpenOption) (*images.Source, error) {
	if b.Data == "" {
		return nil, &RecipeError{fmt.Errorf("%w (%s)", ErrNoData, strings.Join(images.Formats.Names(), ", "))}
	}
	var options []images.OpenOption
	if b.HoldOut > 0 {
		options = append(options, images.HoldOut(b.HoldOut))
	}
	if b.Unlabelled {
		options = append(options, images.Unlabelled())
	}
	options = append(options, more...)
	return cancel.Unless(ctx, func() (*images.Source, error) { return images.NewSource(b.Data, options...) })
}

// OpenSplit opens one split of the images, which may be millions to list.
func OpenSplit(ctx context.Context, source Splits, split string) (images.Dataset, error) {
	return cancel.Unless(ctx, func() (images.Dataset, error) { return source.Open(split) })
}

// ImageData is the part of Data that every task on images has; a task's Data embeds
// it.
type ImageData struct {
	Splits
	Train images.Dataset
}

// OpenImages opens what a recipe names, or what the options give in its place.
func OpenImages(ctx context.Context, b *Base, o OpenOptions) (d ImageData, err error) {
	if given := o.Images; given.Train != nil {
		if o.Skipped != nil {
			given.Train = images.SkipBadImages(given.Train, o.Skipped)
			if given.Test != nil {
				given.Test = images.SkipBadImages(given.Test, o.Skipped)
			}
		}
		return ImageData{Splits: given, Train: given.Train}, nil
	}
	var options []images.OpenOption
	if o.Skipped != nil {
		options = append(options, images.Skip(o.Skipped))
	}
	source, err := Source(ctx, b, options...)
	if err != nil {
		return d, err
	}
	d.Splits = source
	d.Train, err = OpenSplit(ctx, source, images.Train)
	return d, err
}

// CheckBatch wants images for a batch; remedy is what helps where there are too few.
func (d ImageData) CheckBatch(batch int, remedy string) error {
	if d.Train.Len() < batch {
		return fmt.Errorf("%s has %d images, fewer than one batch of %d: %s", d.Train.Name(), d.Train.Len(), batch, remedy)
	}
	return nil
}

// Name implements Data.
func (d ImageData) Name() string { return d.Train.Name() }

// Len implements Data.
func (d ImageData) Len() int { return d.Train.Len() }

// Digest implements Data.
func (d ImageData) Digest() (string, error) { return d.Train.Digest() }

// Notes implements Data.
func (d ImageData) Notes() []string { return images.Notes(d.Train) }

// Covers implements Data.
func (d ImageData) Covers(path string) bool { return images.DigestCovers(d.Train, path) }

// UnlabelledError says why images cannot be classified, in words that follow a colon.
type UnlabelledError struct{ error }

func (e *UnlabelledError) Unwrap() error { return e.error }

// LabelledSplits are the images that vote, or are trained on, and those that are
// classified. Where the images are good but have no classes, or none of them are for
// testing, the error is an *UnlabelledError; holdOut is what a user writes to keep
// some of them.
func LabelledSplits(ctx context.Context, source Splits, holdOut string) (bank, queries images.Dataset, err error) {
	if bank, err = OpenSplit(ctx, source, images.Train); err != nil {
		return nil, nil, err
	}
	if err := checkLabels(bank); err != nil { // no test images would help
		return nil, nil, &UnlabelledError{err}
	}
	queries, err = OpenSplit(ctx, source, images.Test)
	switch {
	case errors.Is(err, images.ErrNoSplit):
		return nil, nil, &UnlabelledError{fmt.Errorf("%w: %s keeps a tenth for it", err, holdOut)}
	case errors.Is(err, images.ErrClasses):
		return nil, nil, &UnlabelledError{err}
	case err != nil:
		return nil, nil, err
	}
	if err := checkLabels(queries); err != nil {
		return nil, nil, &UnlabelledError{err}
	}
	if err := checkClasses(bank, queries); err != nil {
		return nil, nil, &UnlabelledError{err}
	}
	return bank, queries, nil
}

// checkClasses wants two classes to vote for, and of them those of the queries.
func checkClasses(bank, queries images.Dataset) error {
	if len(labelsOf(bank)) == 1 {
		return fmt.Errorf("%s: all images are of one class, %s", bank.Name(), className(bank, bank.Label(0)))
	}
	if _, strange := strangers(bank, queries); strange == queries.Len() {
		return fmt.Errorf("%s: no image is of a class of %s", queries.Name(), bank.Name())
	}
	return nil
}

// labelsOf counts the images of each label.
func labelsOf(d images.Dataset) map[int]int {
	count := map[int]int{}
	for i := range d.Len() {
		count[d.Label(i)]++
	}
	return count
}

// strangers are the labels of the queries that no image of the bank has, and how many
// images have them.
func strangers(bank, queries images.Dataset) (labels []int, n int) {
	known := labelsOf(bank)
	for label, count := range labelsOf(queries) {
		if known[label] == 0 {
			labels = append(labels, label)
			n += count
		}
	}
	slices.Sort(labels)
	return labels, n
}

// AccuracyNotes are what to know of an accuracy, beside the notes on the bank.
func AccuracyNotes(bank, queries images.Dataset) []string {
	known := images.Notes(bank)
	notes := slices.DeleteFunc(slices.Clone(images.Notes(queries)), func(n string) bool { return slices.Contains(known, n) })
	if labels, n := strangers(bank, queries); n > 0 {
		notes = append(notes, fmt.Sprintf("%s of the %s images of %s cannot be classified: none of %s is of class %s%s",
			progress.Count(int64(n)), progress.Count(int64(queries.Len())), queries.Name(), bank.Name(), className(queries, labels[0]), andMore(len(labels)-1)))
	}
	if n := queries.Len(); n < fewTestImages {
		notes = append(notes, fmt.Sprintf("%d test images are few: the standard error of an accuracy is up to %.1f points, and a difference below twice that may be chance", n, 100*evaluation.StandardError(0.5, n)))
	}
	return notes
}

// fewTestImages are too few to tell encoders apart that differ by some points.
const fewTestImages = 500

// Majority is the accuracy, 0 to 1, of always naming the largest class of the bank.
func Majority(bank, queries images.Dataset) float64 {
	largest, most := 0, 0
	for label, n := range labelsOf(bank) {
		if n > most || n == most && label < largest {
			largest, most = label, n
		}
	}
	return float64(labelsOf(queries)[largest]) / float64(queries.Len())
}

func andMore(n int) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprintf(" and %d more", n)
}

// className is the name of a label, or its number.
func className(d images.Dataset, label int) string {
	if classes := d.Classes(); label < len(classes) {
		return strconv.Quote(classes[label])
	}
	return strconv.Itoa(label)
}

// checkLabels wants a class for every image.
func checkLabels(d images.Dataset) error {
	without := 0
	for i := range d.Len() {
		if d.Label(i) < 0 {
			without++
		}
	}
	switch without {
	case 0:
		return nil
	case d.Len():
		return fmt.Errorf("%s: the images have no classes", d.Name())
	}
	return fmt.Errorf("%s: %s of its %s images have no class", d.Name(), progress.Count(int64(without)), progress.Count(int64(d.Len())))
}

// EvalTransform is the usual evaluation of an encoder for images of a side: photographs
// are scaled to 256/224 of it and cut, small images are only scaled.
func EvalTransform(side int) images.EvalTransform {
	if side < 64 {
		return images.EvalTransform{Size: side}
	}
	return images.EvalTransform{Size: side, Resize: side * 256 / 224}
}

// EvalBatches are a data set's images as an encoder takes them: normalised float
// [n 3 side side], or bytes [n side side 3].
func EvalBatches(ctx context.Context, d images.Dataset, side, size int, bytes bool) evaluation.Batches {
	config := images.EvalConfig{Transform: EvalTransform(side), Mean: images.ImageNetMean, Std: images.ImageNetStd, Batch: size}
	batches := evaluation.Images(ctx, d, config)
	if !bytes {
		return batches
	}
	return func(yield func(evaluation.Batch, error) bool) {
		for b, err := range batches {
			if err == nil {
				b.Images = pixelsOf(b.Images)
			}
			if !yield(b, err) {
				return
			}
		}
	}
}

// pixelsOf undoes the normalisation: the bytes [n H W 3] of a batch [n 3 H W].
func pixelsOf(batch *onnxgraph.Tensor) *onnxgraph.Tensor {
	s := batch.Shape()
	n, h, w := s[0], s[2], s[3]
	normalizer := images.NewNormalizer(images.ImageNetMean, images.ImageNetStd)
	planes := onnxgraph.Data[float32](batch)
	bytes := make([]uint8, 0, len(planes))
	for i := range n {
		bytes = append(bytes, normalizer.Image(planes[i*3*h*w:][:3*h*w], w, h).Pix...)
	}
	return onnxgraph.NewTensor([]int{n, h, w, 3}, bytes)
}
