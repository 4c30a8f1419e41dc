package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"

	"pmx/artifacts"
	"pmx/builders"
	"pmx/evaluation"
	"pmx/export"
	"pmx/images"
	"pmx/internal/progress"
	"pmx/internal/table"
	"pmx/onnxgraph"
	"pmx/runtimes"
	"pmx/tasks"
)

var _ = register("eval knn", func() *cli.Command {
	return &cli.Command{
		Usage:     "classify test images by their nearest training images",
		ArgsUsage: "RUN|ENCODER",
		Description: `pmx eval knn runs/first                                the run's newest checkpoint on its own images
pmx eval knn runs/first --encoder base --k 10,20
pmx eval knn encoder.onnx --data cifar10:PATH
pmx eval knn runs/first --raw-pixels                   the baseline: no encoder at all
pmx eval knn runs/first --few-shot 5                   five training images of each class vote

Each test image takes the class that its k most similar training images vote for
(cosine, weight exp(similarity/temperature)). The training images vote, so nothing
is trained. Top-5 counts only classes that a neighbour voted for: at small k it is lower
than in published code, which fills up the five with classes that have no vote. Features
are kept in the run and used again, those of the newest checkpoint.

--features patchmix-published compares what the published code of PatchMix compares: 1,000
logits of a random classifier on the class token, drawn once. Numbers of its kNN script
are of those; the class token itself (--features class, the default) is the usual protocol.

` + dataHelp(),
		Flags: append([]cli.Flag{
			&cli.StringFlag{Name: "data", Usage: "classify these images, `SPEC`; default: those of the run"},
			&cli.Float64Flag{Name: "hold-out", Usage: "classify this part of the images where there are no test images"},
			&cli.StringFlag{Name: "k", Value: "10,20,100,200", Usage: "numbers of neighbours, with commas between them"},
			&cli.Float64Flag{Name: "temperature", Value: evaluation.DefaultTemperature, Usage: "of the votes' weights"},
			encoderFlag(),
			headsFlag(),
			onBadImageFlag(),
			&cli.StringFlag{Name: "features", Value: featuresClass, Usage: "class (the class token) or patchmix-published"},
			&cli.IntFlag{Name: "few-shot", Usage: "let `N` training images of each class vote, the mean over several draws; 0 is all"},
			&cli.IntFlag{Name: "draws", Value: 5, Usage: "draws of --few-shot"},
			&cli.Uint64Flag{Name: "seed", Usage: "decides which images --few-shot draws"},
			&cli.BoolFlag{Name: "raw-pixels", Usage: "take the images themselves as features"},
			&cli.IntFlag{Name: "batch", Value: 64, Usage: "images that pass the encoder at a time"},
			&cli.BoolFlag{Name: "json", Usage: "end with a line of JSON"},
		}, runtimeFlags()...),
		Action: evalKNN,
	}
})

func evalKNN(c *cli.Context) error {
	knn, err := knnFlags(c)
	if err != nil {
		return err
	}
	source, err := openEvalSource(c, c.Args().First())
	if err != nil {
		return err
	}
	bank, queries, err := imagesToClassify(c, source.data)
	if err != nil {
		return err
	}
	printNotes(c.App.ErrWriter, slices.Concat(images.Notes(bank), tasks.AccuracyNotes(bank, queries)))
	backend, options, err := runtimeOf(c)
	if err != nil {
		return err
	}
	e, err := newExtractor(c, source, backend, options)
	if err != nil {
		return err
	}
	defer e.close()
	bankFeatures, err := e.features(c.Context, bank)
	if err != nil {
		return err
	}
	queryFeatures, err := e.features(c.Context, queries)
	if err != nil {
		return err
	}
	product, err := evaluation.NewRuntimeProduct(backend, options)
	if err != nil {
		return err
	}
	defer product.Close()
	if c.String("features") == featuresPublished {
		head := evaluation.NewRandomHead(bankFeatures.Dim, publishedSeed)
		for _, f := range []**evaluation.Features{&bankFeatures, &queryFeatures} {
			if *f, err = head.Logits(*f, product); err != nil {
				return err
			}
		}
	}
	if n := c.Int("few-shot"); n > 0 {
		knn.Product = product
		results, err := knn.EvaluateFewShot(c.Context, bankFeatures, queryFeatures, n, c.Int("draws"), c.Uint64("seed"))
		if err != nil {
			return err
		}
		return printFewShot(c, e.name, bank, queries, results)
	}
	bar := newProgress(c.App.ErrWriter, "comparing", int64(bankFeatures.Len())*int64(queryFeatures.Len()))
	knn.Product, knn.Progress = product, func(done, _ int64) { bar.update(done) }
	results, err := knn.Evaluate(c.Context, bankFeatures, queryFeatures)
	bar.done()
	if err != nil {
		return err
	}
	return printKNN(c.App.Writer, c.Bool("json"), e.name, [2]images.Dataset{bank, queries}, [2]int{bankFeatures.Len(), queryFeatures.Len()}, results)
}

// knnFlags reads the classifier.
func knnFlags(c *cli.Context) (knn evaluation.KNN, err error) {
	if c.NArg() != 1 {
		return knn, usageErrorf("name one run, checkpoint or encoder, got %d, see `pmx eval knn --help`", c.NArg())
	}
	if knn.K, err = parseNeighbours(c.String("k")); err != nil {
		return knn, err
	}
	knn.Temperature = c.Float64("temperature")
	if c.Int("batch") < 1 || !(knn.Temperature > 0) {
		return knn, usageErrorf("--batch %d --temperature %g: want at least 1, and more than 0", c.Int("batch"), knn.Temperature)
	}
	switch f := c.String("features"); {
	case f != featuresClass && f != featuresPublished:
		return knn, usageErrorf("--features %s: want %s or %s", f, featuresClass, featuresPublished)
	case f == featuresPublished && c.Bool("raw-pixels"):
		return knn, usageErrorf("--raw-pixels takes no encoder and --features says what to take of one: choose one")
	case c.Int("few-shot") < 0 || c.Int("draws") < 1:
		return knn, usageErrorf("--few-shot %d --draws %d: want 0 or more, and at least 1", c.Int("few-shot"), c.Int("draws"))
	}
	_, err = rootOf(c.String("encoder"))
	return knn, err
}

// What kNN compares of an image.
const (
	featuresClass     = "class"
	featuresPublished = "patchmix-published"
)

// publishedSeed is the seed of PatchMix's published configurations.
const publishedSeed = 7

// imagesToClassify opens those of the recipe, or of the flags, and those that vote on
// them.
func imagesToClassify(c *cli.Context, data tasks.Base) (bank, queries images.Dataset, err error) {
	if c.IsSet("data") {
		data = tasks.Base{Data: c.String("data")}
	}
	if c.IsSet("hold-out") {
		if data.HoldOut = c.Float64("hold-out"); !(data.HoldOut >= 0 && data.HoldOut < 1) {
			return nil, nil, usageErrorf("--hold-out %g: want a part of the images, from 0 to below 1", data.HoldOut)
		}
	}
	options, err := badImageOptions(c)
	if err != nil {
		return nil, nil, err
	}
	source, err := tasks.Source(c.Context, &data, options...)
	if err != nil {
		return nil, nil, recipeExit(err)
	}
	bank, queries, err = tasks.LabelledSplits(c.Context, source, "--hold-out 0.1")
	if unlabelled, ok := errors.AsType[*tasks.UnlabelledError](err); ok && !errors.Is(err, images.ErrNoSplit) {
		err = fmt.Errorf("%w, so there is nothing to classify: name images in one folder per class by --data SPEC", unlabelled)
	}
	return bank, queries, err
}

func parseNeighbours(text string) ([]int, error) {
	var ks []int
	for part := range strings.SplitSeq(text, ",") {
		k, err := strconv.Atoi(strings.TrimSpace(part))
		if err != nil || k < 1 {
			return nil, usageErrorf("--k %s: want numbers from 1 with commas between them", text)
		}
		ks = append(ks, k)
	}
	return ks, nil
}

// knnReport is the JSON of eval knn; accuracies are in percent.
type knnReport struct {
	Model   string      `json:"model"`
	Bank    int         `json:"bank_images"`
	Queries int         `json:"query_images"`
	Results []knnResult `json:"results"`
	// Majority is the accuracy of always naming the largest class.
	Majority float64 `json:"majority"`
}

type knnResult struct {
	K    int     `json:"k"`
	Top1 float64 `json:"top1"`
	Top5 float64 `json:"top5"`
	// Top1Error is the standard error of Top1, of --few-shot over the draws.
	Top1Error float64 `json:"top1_standard_error"`
}

// fewShotReport is the JSON of eval knn --few-shot.
type fewShotReport struct {
	Model    string      `json:"model"`
	Bank     int         `json:"bank_images_per_class"`
	Draws    int         `json:"draws"`
	Seed     uint64      `json:"seed"`
	Queries  int         `json:"query_images"`
	Features string      `json:"features"`
	Results  []knnResult `json:"results"`
}

func printFewShot(c *cli.Context, model string, bank, queries images.Dataset, results []evaluation.FewShotAccuracy) error {
	report := fewShotReport{Model: model, Bank: c.Int("few-shot"), Draws: c.Int("draws"), Seed: c.Uint64("seed"), Queries: queries.Len(), Features: c.String("features")}
	out := c.App.Writer
	fmt.Fprintf(out, "%s: %d images of each class (%s) vote on %s (%s); the mean of %d draws and its standard error\n",
		model, report.Bank, bank.Name(), progress.Count(int64(queries.Len())), queries.Name(), report.Draws)
	w := table.New(out)
	w.Row("K", "TOP-1 %", "±", "TOP-5 %")
	for _, a := range results {
		w.Row(a.K, fmt.Sprintf("%.2f", 100*a.Top1), fmt.Sprintf("%.2f", 100*a.StandardError), fmt.Sprintf("%.2f", 100*a.Top5))
		report.Results = append(report.Results, knnResult{a.K, 100 * a.Top1, 100 * a.Top5, 100 * a.StandardError})
	}
	if err := w.Flush(); err != nil || !c.Bool("json") {
		return err
	}
	return printJSON(out, report)
}

// printKNN prints the results of a bank and its queries, with the numbers of their images
// that were read.
func printKNN(out io.Writer, asJSON bool, model string, data [2]images.Dataset, read [2]int, results []evaluation.Accuracy) error {
	report := knnReport{Model: model, Bank: read[0], Queries: read[1]}
	fmt.Fprintf(out, "%s: %s images (%s) vote on %s (%s)\n", model, progress.Count(int64(read[0])), data[0].Name(), progress.Count(int64(read[1])), data[1].Name())
	w := table.New(out)
	w.Row("K", "TOP-1 %", "TOP-5 %", "STANDARD ERROR")
	for _, a := range results {
		e := 100 * evaluation.StandardError(a.Top1, read[1])
		w.Row(a.K, fmt.Sprintf("%.2f", 100*a.Top1), fmt.Sprintf("%.2f", 100*a.Top5), fmt.Sprintf("%.2f", e))
		report.Results = append(report.Results, knnResult{a.K, 100 * a.Top1, 100 * a.Top5, e})
	}
	if err := w.Flush(); err != nil {
		return err
	}
	report.Majority = 100 * tasks.Majority(data[0], data[1])
	fmt.Fprintf(out, "to compare: always the largest class %.2f; raw pixels: --raw-pixels\n", report.Majority)
	if !asJSON {
		return nil
	}
	return printJSON(out, report)
}

// evalSource is an encoder to evaluate.
type evalSource struct {
	name     string
	model    *onnxgraph.Model
	side     int        // of its images
	bytes    bool       // takes raw bytes
	whole    bool       // takes images of any size as they are
	digest   string     // of the weights
	cacheDir string     // "": features are not kept
	data     tasks.Base // the run's; else empty
}

// openEvalSource takes an encoder from a run, a checkpoint, an ONNX file of pmx export, or
// a file or folder of weights.
func openEvalSource(c *cli.Context, path string) (*evalSource, error) {
	if strings.EqualFold(filepath.Ext(path), export.ModelExt) {
		return openEncoderModel(path, c.String("encoder"))
	}
	w, err := openEncoder(c, path)
	if err != nil {
		return nil, err
	}
	if w.Root == "" { // weights of others may have another normalisation: it is in the graph
		model, err := w.ONNX(builders.EncoderOptions{Preprocessing: true})
		if err != nil {
			return nil, err
		}
		digest, err := model.Digest()
		return &evalSource{name: filepath.Base(path), model: model, side: w.Config.ImageSize, bytes: true, digest: digest}, err
	}
	s := &evalSource{name: fmt.Sprintf("%s after step %d", w.Root, w.Step), side: w.Config.ImageSize}
	if w.Path != path { // a run's newest checkpoint
		run, err := artifacts.ViewRun(path)
		if err != nil {
			return nil, err
		}
		r, err := tasks.RunRecipe(run)
		if err != nil {
			return nil, err
		}
		s.data = *r.Common()
		s.cacheDir = path
	}
	if s.digest, err = evaluation.FileDigest(w.Path); err != nil {
		return nil, err
	}
	s.digest += " " + w.Root
	s.model, err = w.ONNX(builders.EncoderOptions{})
	return s, err
}

// openEncoderModel takes an encoder as pmx export writes it.
func openEncoderModel(path, choice string) (*evalSource, error) {
	if choice != "" {
		return nil, usageErrorf("--encoder is for a run or a checkpoint: %s has one encoder", path)
	}
	model, err := onnxgraph.ReadModelFile(path)
	if err != nil {
		return nil, err
	}
	var a builders.ArchitectureInfo
	if err := json.Unmarshal([]byte(model.Metadata[builders.EncoderProperty]), &a); err != nil || a.ImageSize < 1 {
		return nil, fmt.Errorf("%s is not an encoder of pmx: it has no metadata %s; name a file from pmx export", path, builders.EncoderProperty)
	}
	inputs := model.Graph.Inputs()
	if len(inputs) != 1 || inputs[0].Name != builders.EncoderInput {
		return nil, fmt.Errorf("%s has inputs other than %q: name a file from pmx export", path, builders.EncoderInput)
	}
	digest, err := model.Digest() // of its data beside the file too
	_, whole := model.Metadata[export.PreprocessingProperty]
	return &evalSource{
		name: filepath.Base(path), model: model, side: a.ImageSize, bytes: inputs[0].DType == onnxgraph.Uint8, whole: whole, digest: digest,
	}, err
}

// batches are a data set's images as the source's encoder takes them.
func (s *evalSource) batches(ctx context.Context, d images.Dataset, size int) evaluation.Batches {
	if s.whole {
		return evaluation.WholeImages(ctx, d)
	}
	return tasks.EvalBatches(ctx, d, s.side, size, s.bytes)
}

// extractor makes features of data sets, and keeps them.
type extractor struct {
	name    string // of what makes them
	source  *evalSource
	stderr  io.Writer
	cache   evaluation.Cache   // Dir "": nothing is kept
	encoder runtimes.Inference // nil: the pixels are the features
	batch   int
}

// newExtractor compiles the source's encoder, unless raw pixels are wanted.
func newExtractor(c *cli.Context, source *evalSource, backend runtimes.Runtime, options runtimes.Options) (*extractor, error) {
	e := &extractor{
		name: source.name, source: source, stderr: c.App.ErrWriter, batch: c.Int("batch"),
	}
	if c.Bool("raw-pixels") {
		e.name = "raw pixels"
		return e, nil
	}
	e.cache = evaluation.Cache{Dir: source.cacheDir, Warn: func(err error) { fmt.Fprintln(e.stderr, "note:", oneLine(err)) }}
	var err error
	e.encoder, err = backend.NewInference(source.model, options)
	return e, err
}

func (e *extractor) close() {
	if e.encoder != nil {
		e.encoder.Close()
	}
}

// features are those of the encoder, or without one the pixels.
func (e *extractor) features(ctx context.Context, d images.Dataset) (*evaluation.Features, error) {
	batches := e.source.batches(ctx, d, e.batch)
	if e.encoder == nil { // pixels that can be compared have one size
		batches = tasks.EvalBatches(ctx, d, e.source.side, e.batch, false)
	}
	leavingOut := func(f *evaluation.Features, err error) (*evaluation.Features, error) {
		if err == nil {
			f.Partial = f.Len() < d.Len()
		}
		return f, err
	}
	defer func() { printSkipped(e.stderr, d) }()
	compute := func() (*evaluation.Features, error) {
		bar := newProgress(e.stderr, d.Name(), int64(d.Len()))
		defer bar.done()
		show := func(done int) { bar.update(int64(done)) }
		if e.encoder == nil {
			return leavingOut(evaluation.RawPixels(ctx, batches, show))
		}
		return leavingOut(evaluation.Extract(ctx, e.encoder, batches, show))
	}
	if e.cache.Dir == "" {
		return compute()
	}
	digest, err := d.Digest()
	if err != nil {
		return nil, err
	}
	key := evaluation.Key{Model: e.source.digest, Data: fmt.Sprintf("%s %+v", digest, tasks.EvalTransform(e.source.side))}
	return e.cache.Get(key, compute)
}
