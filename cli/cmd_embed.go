package cli

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"pmx/evaluation"
	"pmx/images"
	"pmx/internal/progress"
	"pmx/runtimes"
	"pmx/tasks"
)

var _ = register("embed", func() *cli.Command {
	return &cli.Command{
		Usage:     "write the features of images, and which images are alike",
		ArgsUsage: "RUN|FILE|FOLDER",
		Description: `pmx embed runs/first --data PHOTOS --out photos.npy
pmx embed encoder.onnx --data PHOTOS --out photos.csv --duplicates 0.95
pmx embed dino.pth --heads 6 --data PHOTOS --out photos.safetensors --neighbours 10

The features are the encoder's class tokens, as an exported encoder computes them, of
images that are resized and cropped as for kNN. Rows are in the order of the images.

  photos.npy             float32 [images, numbers], for numpy.load
  photos.names.csv       name and class of each row; a .csv has them in its first columns
  photos.neighbours.csv  --neighbours K: the K nearest other images of each image
  photos.duplicates.csv  --duplicates T: pairs of images with a cosine of T or more

While it computes, features are in photos.npy.partial. The same command continues there
after a stop, and starts again if the encoder or the images are others.

` + dataHelp(),
		Flags: append([]cli.Flag{
			&cli.StringFlag{Name: "data", Usage: "embed these images, `SPEC`; default: those of the run"},
			&cli.StringFlag{Name: "part", Value: tasks.AllParts, Usage: "of the images: `all|train|test`"},
			&cli.StringFlag{Name: "out", Usage: "write the features to `FILE`, which ends in " + strings.Join(evaluation.EmbeddingEndings(), ", "), Required: true},
			&cli.IntFlag{Name: "neighbours", Usage: "write the `K` most similar images of each image as well"},
			&cli.Float64Flag{Name: "duplicates", Usage: "write the pairs of images with a cosine of `T` or more as well, such as 0.95"},
			encoderFlag(),
			headsFlag(),
			&cli.IntFlag{Name: "batch", Value: 64, Usage: "images that pass the encoder at a time"},
		}, runtimeFlags()...),
		Action: embed,
	}
})

func embed(c *cli.Context) error {
	if err := checkEmbed(c); err != nil {
		return err
	}
	out := c.String("out")
	source, err := openEvalSource(c, c.Args().First())
	if err != nil {
		return err
	}
	spec := source.data.Data
	if c.IsSet("data") {
		spec = c.String("data")
	}
	data, notes, err := tasks.AllImages(c.Context, spec, c.String("part"))
	if err != nil {
		return recipeExit(err)
	}
	printNotes(c.App.ErrWriter, append(notes, images.Notes(data)...))
	if isRegular(out) && images.HoldsFile(data, out) {
		return usageErrorf("--out %s is one of the images of %s: name another file", out, data.Name())
	}
	backend, options, err := runtimeOf(c)
	if err != nil {
		return err
	}
	journal, err := openFeatureJournal(c, source, data)
	if err != nil {
		return err
	}
	if err := computeFeatures(c, source, data, journal, backend, options); err != nil {
		return errors.Join(err, journal.Close())
	}
	written, err := writeEmbedding(c, source, data, journal, backend, options)
	if err != nil {
		return errors.Join(err, journal.Close())
	}
	fmt.Fprintf(c.App.Writer, "wrote %s: %s images of %s, %d numbers each\n",
		strings.Join(written, ", "), progress.Count(int64(data.Len())), data.Name(), journal.Dim())
	return journal.Remove()
}

// checkEmbed finds what is wrong with the command line before anything is read.
func checkEmbed(c *cli.Context) error {
	t := c.Float64("duplicates")
	switch {
	case c.NArg() != 1:
		return usageErrorf("name one run, checkpoint, or file or folder of weights, got %d, see `pmx embed --help`", c.NArg())
	case c.Int("batch") < 1:
		return usageErrorf("--batch %d: want at least 1", c.Int("batch"))
	case c.IsSet("neighbours") && c.Int("neighbours") < 1:
		return usageErrorf("--neighbours %d: want at least 1", c.Int("neighbours"))
	case c.IsSet("duplicates") && !(t > 0 && t <= 1):
		return usageErrorf("--duplicates %g: want a cosine above 0, at most 1", t)
	case !slices.Contains([]string{tasks.AllParts, images.Train, images.Test}, c.String("part")):
		return usageErrorf("--part %s: want %s, %s or %s", c.String("part"), tasks.AllParts, images.Train, images.Test)
	}
	if _, err := rootOf(c.String("encoder")); err != nil {
		return err
	}
	if err := checkOutputs([]commandFile{flagFile(c, "out")}, []commandFile{{"the encoder", c.Args().First()}}); err != nil {
		return err
	}
	return withCode(ExitUsage, evaluation.CheckEmbedding(c.String("out")))
}

// openFeatureJournal finds what an earlier call has computed, and says so.
func openFeatureJournal(c *cli.Context, source *evalSource, data images.Dataset) (*evaluation.Journal, error) {
	digest, err := data.Digest()
	if err != nil {
		return nil, err
	}
	path := c.String("out") + ".partial"
	journal, err := evaluation.OpenJournal(path, evaluation.Key{Model: source.digest, Data: fmt.Sprintf("%s %+v", digest, tasks.EvalTransform(source.side))})
	switch {
	case err != nil:
		return nil, err
	case journal.Dropped:
		printNotes(c.App.ErrWriter, []string{path + " held features of another encoder or other images: all are computed again"})
	case journal.Len() > 0:
		printNotes(c.App.ErrWriter, []string{fmt.Sprintf("%s of %s images are in %s already", progress.Count(int64(journal.Len())), progress.Count(int64(data.Len())), path)})
	}
	return journal, nil
}

// computeFeatures adds those that the journal lacks.
func computeFeatures(c *cli.Context, source *evalSource, data images.Dataset, journal *evaluation.Journal, backend runtimes.Runtime, options runtimes.Options) error {
	if journal.Len() == data.Len() {
		return nil
	}
	encoder, err := backend.NewInference(source.model, options)
	if err != nil {
		return err
	}
	defer encoder.Close()
	bar := newProgress(c.App.ErrWriter, data.Name(), int64(data.Len()))
	defer bar.done()
	batches := func(d images.Dataset) evaluation.Batches {
		return source.batches(c.Context, d, c.Int("batch"))
	}
	return evaluation.Embed(c.Context, encoder, data, batches, journal, func(done int) { bar.update(int64(done)) })
}

// writeEmbedding writes the journal's features, and what the flags ask for beside them.
func writeEmbedding(c *cli.Context, source *evalSource, data images.Dataset, journal *evaluation.Journal, backend runtimes.Runtime, options runtimes.Options) ([]string, error) {
	e := &evaluation.Embedding{
		Images: data, Dim: journal.Dim(), Rows: journal.Rows(),
		Metadata: map[string]string{"pmx.model": filepath.Base(c.Args().First()), "pmx.encoder_name": source.name},
	}
	if !c.IsSet("neighbours") && !c.IsSet("duplicates") {
		return e.Write(c.String("out"))
	}
	similar, err := journal.Similar()
	if err != nil {
		return nil, err
	}
	product, err := evaluation.NewRuntimeProduct(backend, options)
	if err != nil {
		return nil, err
	}
	defer product.Close()
	similar.Product = product
	compare := func(what string, run func() error) error {
		bar := newProgress(c.App.ErrWriter, what, int64(data.Len())*int64(data.Len()))
		defer bar.done()
		similar.Progress = func(done, _ int64) { bar.update(done) }
		return run()
	}
	if c.IsSet("neighbours") {
		e.Neighbours = func(found func(int, []evaluation.Neighbour) error) error {
			return compare("neighbours", func() error { return similar.Neighbours(c.Context, c.Int("neighbours"), found) })
		}
	}
	if c.IsSet("duplicates") {
		e.Duplicates = func(found func(int, evaluation.Neighbour) error) error {
			return compare("duplicates", func() error { return similar.Duplicates(c.Context, c.Float64("duplicates"), found) })
		}
	}
	return e.Write(c.String("out"))
}
