package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"pmx/evaluation"
	"pmx/images"
	"pmx/internal/progress"
	"pmx/onnxgraph"
)

// dataHelp is the part of a help text that lists the data sets.
func dataHelp() string {
	var b strings.Builder
	b.WriteString("Images (SPEC), as a format and a path or as a path alone:\n")
	for name, f := range images.Formats.All() {
		spec := name
		if f.Arg != "" {
			spec += ":" + f.Arg
		}
		fmt.Fprintf(&b, "  %-18s %s\n", spec, f.Help)
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// source finds the recipe's images. Like all that opens them, it ends with ctx.
func (r Recipe) source(ctx context.Context) (*images.Source, error) {
	if r.Sources.Data == "" {
		return nil, usageErrorf("no images to work on: name them by --data SPEC (%s)", strings.Join(images.Formats.Names(), ", "))
	}
	var options []images.OpenOption
	if r.HoldOut > 0 {
		options = append(options, images.HoldOut(r.HoldOut))
	}
	source, err := unlessStopped(ctx, func() (*images.Source, error) { return images.NewSource(r.Sources.Data, options...) })
	if wrong, ok := errors.AsType[*images.SpecError](err); ok {
		return nil, withCode(ExitUsage, wrong)
	}
	return source, err
}

// openSplit opens one split of the images, which may be millions to list.
func openSplit(ctx context.Context, source *images.Source, split string) (images.Dataset, error) {
	return unlessStopped(ctx, func() (images.Dataset, error) { return source.Open(split) })
}

// openTraining opens the recipe's images to train on, which must make a batch.
func (r Recipe) openTraining(ctx context.Context) (images.Dataset, error) {
	source, err := r.source(ctx)
	if err != nil {
		return nil, err
	}
	return r.trainingImages(ctx, source, "--set batch=N")
}

// trainingImages are those to train on, which must make a batch; remedy is what helps
// where they do not.
func (r Recipe) trainingImages(ctx context.Context, source *images.Source, remedy string) (images.Dataset, error) {
	d, err := openSplit(ctx, source, images.Train)
	if err != nil {
		return nil, err
	}
	if d.Len() < r.Batch {
		return nil, fmt.Errorf("%s has %d images, fewer than one batch of %d: %s", d.Name(), d.Len(), r.Batch, remedy)
	}
	return d, nil
}

// stepsPerEpoch is how many batches the recipe makes of the images; an error if
// it can make none.
func (r Recipe) stepsPerEpoch(d images.Dataset) (int, error) {
	f, err := newFeeder(r, d, nil, 1)
	if err != nil {
		return 0, withCode(ExitUsage, err)
	}
	defer f.Close()
	return f.StepsPerEpoch(), nil
}

// unlabelledError says why images cannot be classified, in words that follow a colon.
type unlabelledError struct{ error }

func (e *unlabelledError) Unwrap() error { return e.error }

// labelledSplits are the images that vote and those that are classified. Where the
// images are good but have no classes, or none of them are for testing, the error
// is an *unlabelledError; holdOut is what a user writes to keep some of them.
func labelledSplits(ctx context.Context, source *images.Source, holdOut string) (bank, queries images.Dataset, err error) {
	if bank, err = openSplit(ctx, source, images.Train); err != nil {
		return nil, nil, err
	}
	queries, err = openSplit(ctx, source, images.Test)
	switch {
	case errors.Is(err, images.ErrNoSplit):
		return nil, nil, &unlabelledError{fmt.Errorf("%w: %s keeps a tenth for it", err, holdOut)}
	case errors.Is(err, images.ErrClasses):
		return nil, nil, &unlabelledError{err}
	case err != nil:
		return nil, nil, err
	}
	for _, d := range []images.Dataset{bank, queries} {
		if err := checkLabels(d); err != nil {
			return nil, nil, &unlabelledError{err}
		}
	}
	if err := checkClasses(bank, queries); err != nil {
		return nil, nil, &unlabelledError{err}
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

// strangers are the labels of the queries that nobody votes for, and how many images
// have them.
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

// accuracyNotes are what to know of an accuracy, but for the notes on the bank.
func accuracyNotes(bank, queries images.Dataset) []string {
	known := images.Notes(bank)
	notes := slices.DeleteFunc(slices.Clone(images.Notes(queries)), func(n string) bool { return slices.Contains(known, n) })
	if labels, n := strangers(bank, queries); n > 0 {
		notes = append(notes, fmt.Sprintf("%s of the %s images of %s cannot be classified: none of %s is of class %s%s",
			progress.Count(int64(n)), progress.Count(int64(queries.Len())), queries.Name(), bank.Name(), className(queries, labels[0]), andMore(len(labels)-1)))
	}
	return notes
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

// printNotes tells the user what does not stop a command.
func printNotes(stderr io.Writer, notes []string) {
	for _, note := range notes {
		fmt.Fprintln(stderr, "note:", note)
	}
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

// evalTransform is the usual evaluation of an encoder for images of a side: photographs
// are scaled to 256/224 of it and cut, small images are only scaled.
func evalTransform(side int) images.EvalTransform {
	if side < 64 {
		return images.EvalTransform{Size: side}
	}
	return images.EvalTransform{Size: side, Resize: side * 256 / 224}
}

// evalBatches are a data set's images as an encoder takes them: normalised float
// [n 3 side side], or bytes [n side side 3].
func evalBatches(ctx context.Context, d images.Dataset, side, size int, bytes bool) evaluation.Batches {
	config := images.EvalConfig{Transform: evalTransform(side), Mean: images.ImageNetMean, Std: images.ImageNetStd, Batch: size}
	images := evaluation.Images(ctx, d, config)
	if !bytes {
		return images
	}
	return func(yield func(evaluation.Batch, error) bool) {
		for b, err := range images {
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
