package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"pmx/images"
	"pmx/internal/progress"
	"pmx/internal/shell"
	"pmx/tasks"
)

var _ = register("check-data", func() *cli.Command {
	return &cli.Command{
		Usage:     "decode all images once: unreadable, empty and double ones, sizes, classes",
		ArgsUsage: "SPEC",
		Description: `pmx check-data folder:photos
pmx check-data photos --list-good good.txt && pmx train --preset photos --data list:good.txt --out runs/mine

Lists the images that cannot be read, those of one colour or nearly (the standard
deviation of the grey values is below 1 of 255), and those whose pixels are exactly
another image's, also between training and test images. The exit code is 1 if any image
cannot be read, unless --list-good names the others.

--list-good writes the training images that can be read, are not nearly empty, and are
not the double of an earlier one or of a test image.

` + dataHelp(),
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "list-good", Usage: "write the paths and classes of the good training images to `FILE`, for --data list:FILE"},
			&cli.BoolFlag{Name: "unlabelled", Usage: "take all images below a folder without their classes, as --set unlabelled=true does"},
			&cli.IntFlag{Name: "workers", Usage: "goroutines that decode; 0 is one per core"},
			&cli.IntFlag{Name: "show", Value: 20, Usage: "images of each kind to list"},
			&cli.BoolFlag{Name: "json", Usage: "end with a line of JSON"},
		},
		Action: checkData,
	}
})

func checkData(c *cli.Context) error {
	switch {
	case c.NArg() != 1:
		return usageErrorf("name one data set, got %d, see `pmx check-data --help`", c.NArg())
	case c.Int("workers") < 0 || c.Int("workers") > maxThreads || c.Int("show") < 0:
		return usageErrorf("--workers %d --show %d: want 0 or more, at most %d workers", c.Int("workers"), c.Int("show"), maxThreads)
	}
	spec := c.Args().First()
	source, err := tasks.Source(c.Context, &tasks.Base{Data: spec, Unlabelled: c.Bool("unlabelled")})
	if err != nil {
		return recipeExit(err)
	}
	train, err := tasks.OpenSplit(c.Context, source, images.Train)
	if err != nil {
		return recipeExit(err)
	}
	if good := c.String("list-good"); good != "" {
		if _, err := images.ListLine(train, 0); err != nil {
			return err
		}
		if isRegular(good) && images.HoldsFile(train, good) {
			return usageErrorf("--list-good %s is one of the images: name another file", good)
		}
	}
	d := &dataCheck{c: c, out: c.App.Writer, show: c.Int("show")}
	if err := d.inspect(train, images.Train); err != nil {
		return err
	}
	switch test, err := tasks.OpenSplit(c.Context, source, images.Test); {
	case errors.Is(err, images.ErrNoSplit):
	case errors.Is(err, images.ErrClasses):
		printNotes(c.App.ErrWriter, []string{"the test images are not checked: " + oneLine(err)})
	case err != nil:
		return err
	default:
		if err := d.inspect(test, images.Test); err != nil {
			return err
		}
	}
	d.printShared()
	d.printTraining(spec)
	if err := d.writeGood(c.Context, c.String("list-good")); err != nil {
		return err
	}
	if c.Bool("json") {
		if err := printJSON(d.out, d.report); err != nil {
			return err
		}
	}
	if d.unreadable > 0 && c.String("list-good") == "" {
		return fmt.Errorf("%s images cannot be read: repair or remove them, or write a list of the others by --list-good FILE", progress.Count(int64(d.unreadable)))
	}
	return nil
}

// dataCheck is one call of check-data.
type dataCheck struct {
	c    *cli.Context
	out  io.Writer
	show int

	parts      []*images.Inspection // training images, and test images where there are some
	took       time.Duration
	unreadable int
	report     dataReport
}

// dataReport is the JSON of check-data.
type dataReport struct {
	Parts []partReport `json:"parts"`
	// TestInTrain counts the test images with the pixels of a training image.
	TestInTrain int     `json:"test_images_in_train"`
	Seconds     float64 `json:"seconds"`
}

type partReport struct {
	Part        string       `json:"part"`
	Name        string       `json:"name"`
	Images      int          `json:"images"`
	Classes     []classCount `json:"classes,omitempty"`
	Unreadable  []badImage   `json:"unreadable"`
	NearlyEmpty []string     `json:"nearly_empty"`
	Duplicates  [][2]string  `json:"duplicates"`
	ShortSide   images.Range `json:"short_side"`
	LongSide    images.Range `json:"long_side"`
}

type classCount struct {
	Name   string `json:"name"`
	Images int    `json:"images"`
}

type badImage struct {
	Name   string `json:"name"`
	Reason string `json:"reason"`
}

// inspect decodes the images of a part and says what they are.
func (d *dataCheck) inspect(data images.Dataset, part string) error {
	printNotes(d.c.App.ErrWriter, images.Notes(data))
	bar := newProgress(d.c.App.ErrWriter, data.Name(), int64(data.Len()))
	started := time.Now()
	v, err := images.Inspect(d.c.Context, data, d.c.Int("workers"), func(done int) { bar.update(int64(done)) })
	bar.done()
	if err != nil {
		return err
	}
	d.took += time.Since(started)
	d.parts = append(d.parts, v)
	r := partReport{Part: part, Name: data.Name(), Images: data.Len(), Classes: countClasses(data), Unreadable: []badImage{}, NearlyEmpty: []string{}, Duplicates: [][2]string{}}
	fmt.Fprintf(d.out, "%s: %s, %s images\n", part, data.Name(), progress.Count(int64(data.Len())))
	d.printClasses(r.Classes)
	short, long, ok := v.Sizes()
	if ok {
		fmt.Fprintf(d.out, "  shorter side %d to %d pixels (median %d), longer side %d to %d (median %d)\n", short.Min, short.Max, short.Median, long.Min, long.Max, long.Median)
	}
	r.ShortSide, r.LongSide = short, long
	var lines []string
	for _, i := range v.Unreadable() {
		bad := badImage{images.ItemName(data, i), oneLine(errors.New(v.Facts[i].Reason()))}
		r.Unreadable = append(r.Unreadable, bad)
		lines = append(lines, bad.Name+": "+bad.Reason)
	}
	d.unreadable += len(lines)
	d.list("cannot be read", lines)
	for _, i := range v.NearlyEmpty() {
		r.NearlyEmpty = append(r.NearlyEmpty, images.ItemName(data, i))
	}
	d.list("of one colour, or nearly", r.NearlyEmpty)
	lines = nil
	for _, double := range v.Duplicates(v) {
		pair := [2]string{images.ItemName(data, double.Index), images.ItemName(data, double.Of)}
		r.Duplicates = append(r.Duplicates, pair)
		lines = append(lines, pair[0]+" is "+pair[1])
	}
	d.list("with exactly the pixels of an earlier one", lines)
	d.report.Parts = append(d.report.Parts, r)
	d.report.Seconds = d.took.Seconds()
	return nil
}

// list prints the first images of a kind.
func (d *dataCheck) list(what string, lines []string) {
	if len(lines) == 0 {
		return
	}
	fmt.Fprintf(d.out, "  %s: %s\n", what, progress.Count(int64(len(lines))))
	for _, line := range lines[:min(d.show, len(lines))] {
		fmt.Fprintln(d.out, "   ", line)
	}
	if more := len(lines) - d.show; more > 0 {
		fmt.Fprintf(d.out, "    and %s more (--show N)\n", progress.Count(int64(more)))
	}
}

// countClasses counts the images of each class that has a name or an image.
func countClasses(data images.Dataset) []classCount {
	count := map[int]int{}
	most := len(data.Classes()) - 1
	for i := range data.Len() {
		count[data.Label(i)]++
		most = max(most, data.Label(i))
	}
	var list []classCount
	for label := range most + 1 {
		name := fmt.Sprint(label)
		if classes := data.Classes(); label < len(classes) {
			name = classes[label]
		}
		if n := count[label]; n > 0 || label < len(data.Classes()) {
			list = append(list, classCount{name, n})
		}
	}
	return list
}

func (d *dataCheck) printClasses(classes []classCount) {
	if len(classes) == 0 {
		fmt.Fprintln(d.out, "  no classes")
		return
	}
	var text []string
	for _, c := range classes[:min(d.show, len(classes))] {
		text = append(text, fmt.Sprintf("%s (%s)", c.Name, progress.Count(int64(c.Images))))
	}
	more := ""
	if len(classes) > d.show {
		more = ", ..."
	}
	fmt.Fprintf(d.out, "  %s classes: %s%s\n", progress.Count(int64(len(classes))), strings.Join(text, ", "), more)
}

// printShared tells which test images are training images.
func (d *dataCheck) printShared() {
	if len(d.parts) < 2 {
		return
	}
	var lines []string
	for _, double := range d.parts[1].Duplicates(d.parts[0]) {
		lines = append(lines, images.ItemName(d.parts[1].Data, double.Index)+" is "+images.ItemName(d.parts[0].Data, double.Of))
	}
	d.report.TestInTrain = len(lines)
	d.list("test images with exactly the pixels of a training image, which accuracy counts", lines)
}

// printTraining tells what a run on the images takes.
func (d *dataCheck) printTraining(spec string) {
	n := 0
	for _, v := range d.parts {
		n += len(v.Facts)
	}
	workers := d.c.Int("workers")
	if workers == 0 {
		workers = runtime.GOMAXPROCS(0)
	}
	train := d.parts[0]
	good := len(train.Facts) - len(train.Unreadable())
	perEpoch := time.Duration(float64(d.took) / float64(n) * float64(len(train.Facts)))
	fmt.Fprintf(d.out, "decoding: %s images in %s with %d workers, %s images/s\n",
		progress.Count(int64(n)), progress.Duration(d.took), workers, progress.Rate(float64(n)/max(d.took.Seconds(), 1e-9)))
	p, err := tasks.LookupPreset("photos")
	if err != nil {
		return
	}
	r := p.Recipe()
	batch, epochs := r.BatchSize(), r.Common().Epochs
	if good < batch {
		fmt.Fprintf(d.out, "a run needs a whole batch: --batch %d or less\n", good)
		return
	}
	fmt.Fprintf(d.out, "pmx train --preset photos --data %s: %d epochs of %s steps; decoding takes at least %s of an epoch\n",
		shell.Quote(spec), epochs, progress.Count(int64(good/batch)), progress.Duration(perEpoch))
}

// writeGood writes the list of the good training images.
func (d *dataCheck) writeGood(ctx context.Context, path string) error {
	if path == "" {
		return nil
	}
	train := d.parts[0]
	out := map[int]bool{}
	for _, i := range append(train.Unreadable(), train.NearlyEmpty()...) {
		out[i] = true
	}
	for _, other := range d.parts {
		for _, double := range train.Duplicates(other) {
			out[double.Index] = true
		}
	}
	good := len(train.Facts) - len(out)
	if good == 0 {
		return errors.New("no training image is good: nothing is written to --list-good")
	}
	if err := writeFile(ctx, path, func(w io.Writer) error {
		b := bufio.NewWriter(w)
		for i := range train.Facts {
			if out[i] {
				continue
			}
			line, err := images.ListLine(train.Data, i)
			if err != nil {
				return err
			}
			fmt.Fprintln(b, line)
		}
		return b.Flush()
	}); err != nil {
		return err
	}
	fmt.Fprintf(d.out, "wrote %s: %s good training images; train on them by --data list:%s\n", path, progress.Count(int64(good)), shell.Quote(path))
	return nil
}
