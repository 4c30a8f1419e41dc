package cli

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"

	"pmx/detection/coco"
	"pmx/internal/table"
)

var _ = register("detect score", func() *cli.Command {
	return &cli.Command{
		Usage: "score detections with the numbers of pycocotools, to the last digit",
		Description: `pmx detect score --gt instances.json --results results.json
pmx detect score --gt instances.json --results results.json --type bbox,segm --per-category
pmx detect score --gt instances.json --results results.json --curves curves --json-out scores.json
pmx detect score --gt instances.json --results results.json --iou 0.5:0.95:0.05 --max-dets 1,10,100

Prints the twelve lines of COCO's challenges; -1 stands for nothing to be found.
The results file is an array of objects with image_id, category_id, score, and
bbox [x, y, width, height] or segmentation (RLE or polygons).`,
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "gt", Required: true, Usage: "the ground truth, an instances `FILE`"},
			&cli.StringFlag{Name: "results", Required: true, Usage: "the detections, a results `FILE`"},
			&cli.StringFlag{Name: "type", Usage: "`TYPES` to score: bbox, segm or bbox,segm (default: what the first result has)"},
			&cli.StringFlag{Name: "iou", Usage: "IoU `THRESHOLDS`, as a list or FIRST:LAST:STEP (default: 0.5:0.95:0.05)"},
			&cli.StringFlag{Name: "areas", Usage: "area `RANGES` in pixels, as in all=0:1e10,small=0:1024 (default: COCO's four)"},
			&cli.StringFlag{Name: "max-dets", Value: "1,10,100", Usage: "`NUMBERS` of detections of an image and category that count, three at least"},
			&cli.BoolFlag{Name: "category-agnostic", Usage: "ignore what category an object has"},
			&cli.BoolFlag{Name: "per-category", Usage: "add a table by category"},
			&cli.StringFlag{Name: "curves", Usage: "write precision/recall curves as SVG and CSV into `DIR`"},
			&cli.StringFlag{Name: "json-out", Usage: "write all numbers to `FILE`"},
		},
		Action: scoreDetections,
	}
})

func scoreDetections(c *cli.Context) error {
	types, err := parseTypes(c.String("type"))
	if err != nil {
		return err
	}
	params, err := scoreParams(c)
	if err != nil {
		return err
	}
	if !slices.Contains(params.MaxDets, 100) {
		fmt.Fprintln(c.App.ErrWriter, "note: AP is at 100 detections, which --max-dets leaves out: it is -1, as in pycocotools")
	}
	if err := checkOutputs(scoreOutputs(c), []commandFile{flagFile(c, "gt"), flagFile(c, "results")}); err != nil {
		return err
	}
	boxesOnly := len(types) == 1 && types[0] == coco.BBox
	var gt *coco.Dataset
	ids := new(coco.IDs)
	err = readShown(c, c.String("gt"), func(r io.Reader) (err error) {
		gt, err = coco.ReadDataset(r, coco.ReadOptions{File: c.String("gt"), BoxesOnly: boxesOnly, IDs: ids})
		return err
	})
	if err != nil {
		return err
	}
	printNotes(c.App.ErrWriter, gt.Notes)
	var results coco.Results
	err = readShown(c, c.String("results"), func(r io.Reader) (err error) {
		results, err = coco.ReadResults(r, coco.ReadOptions{File: c.String("results"), BoxesOnly: boxesOnly, IDs: ids})
		return err
	})
	if err != nil {
		return err
	}
	if types == nil {
		types = results.Types()
	}
	evaluator, err := coco.NewEvaluator(gt, params)
	if err != nil {
		return withCode(ExitUsage, err)
	}
	if err := evaluator.Add(results); err != nil {
		return err
	}
	var evaluations []*coco.Evaluation
	for _, t := range types {
		shown := newProgress(c.App.ErrWriter, "scoring "+string(t), 0)
		evaluator.Progress = func(done, total int) {
			shown.total = int64(total)
			shown.update(int64(done))
		}
		some, err := evaluator.Evaluate(c.Context, t)
		shown.done()
		if err != nil {
			return err
		}
		evaluations = append(evaluations, some...)
	}
	out := said(c, c.String("json-out"))
	for _, e := range evaluations {
		if err := printScores(c, out, e, ids, len(evaluations) > 1); err != nil {
			return err
		}
		if dir := c.String("curves"); dir != "" {
			if err := writeCurves(c.Context, dir, e); err != nil {
				return err
			}
		}
	}
	if path := c.String("json-out"); path != "" {
		return writeFile(c.Context, path, func(w io.Writer) error { return coco.WriteReport(w, evaluations) })
	}
	return nil
}

func printScores(c *cli.Context, out io.Writer, e *coco.Evaluation, ids *coco.IDs, titled bool) error {
	stats, err := e.Stats()
	if err != nil {
		return withCode(ExitUsage, err)
	}
	if titled {
		fmt.Fprintf(out, "%s\n", e.Type)
	}
	fmt.Fprint(out, stats)
	if !c.Bool("per-category") {
		return nil
	}
	w := table.New(out)
	w.Row("", "category", "objects", "AP", "AP50", "AP75", "APs", "APm", "APl", "AR")
	for _, row := range e.PerCategory() {
		cells := []any{ids.Text(row.Category.ID), row.Category.Name, row.Objects}
		for _, v := range []float64{row.AP, row.AP50, row.AP75, row.APSmall, row.APMedium, row.APLarge, row.AR} {
			if v < 0 {
				cells = append(cells, "-")
				continue
			}
			cells = append(cells, fmt.Sprintf("%.3f", v))
		}
		w.Row(cells...)
	}
	return w.Flush()
}

// scoreOutputs are the files that are written, of whatever type the results will be.
func scoreOutputs(c *cli.Context) []commandFile {
	outputs := []commandFile{flagFile(c, "json-out")}
	if dir := c.String("curves"); dir != "" {
		for _, t := range []coco.IoUType{coco.BBox, coco.Segm} {
			outputs = append(outputs, commandFile{"--curves", curvesPath(dir, t) + ".svg"}, commandFile{"--curves", curvesPath(dir, t) + ".csv"})
		}
	}
	return outputs
}

// curvesPath is where curves lie, except for the ending.
func curvesPath(dir string, t coco.IoUType) string { return filepath.Join(dir, string(t)) }

// writeCurves writes TYPE.svg and TYPE.csv.
func writeCurves(ctx context.Context, dir string, e *coco.Evaluation) error {
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return err
	}
	path := curvesPath(dir, e.Type)
	if err := writeFile(ctx, path+".svg", e.PlotCurves); err != nil {
		return err
	}
	return writeFile(ctx, path+".csv", e.WriteCurves)
}

func parseTypes(list string) (types []coco.IoUType, err error) {
	if list == "" {
		return nil, nil
	}
	for _, name := range strings.Split(list, ",") {
		t := coco.IoUType(name)
		if t != coco.BBox && t != coco.Segm {
			return nil, usageErrorf("--type: %q, the types are bbox and segm", name)
		}
		types = append(types, t)
	}
	return types, nil
}

// scoreParams reads the flags that change what is scored.
func scoreParams(c *cli.Context) (p coco.Params, err error) {
	p.CategoryAgnostic = c.Bool("category-agnostic")
	if text := c.String("iou"); text != "" {
		if p.IoUThresholds, err = parseThresholds(text); err != nil {
			return p, usageErrorf("--iou: %s", oneLine(err))
		}
	}
	if text := c.String("areas"); text != "" {
		if p.Areas, err = parseAreas(text); err != nil {
			return p, usageErrorf("--areas: %w", err)
		}
	}
	for _, field := range strings.Split(c.String("max-dets"), ",") {
		n, err := strconv.Atoi(field)
		if err != nil {
			return p, usageErrorf("--max-dets: %q is not a number", field)
		}
		p.MaxDets = append(p.MaxDets, n)
	}
	if len(p.MaxDets) < 3 {
		return p, usageErrorf("--max-dets: %s, the summary takes three numbers such as 1,10,100", c.String("max-dets"))
	}
	return p, nil
}

// parseThresholds reads A,B,C or FIRST:LAST:STEP.
func parseThresholds(text string) ([]float64, error) {
	if !strings.Contains(text, ":") {
		return parseNumbers(text, ",")
	}
	v, err := parseNumbers(text, ":")
	if err != nil {
		return nil, err
	}
	if len(v) != 3 {
		return nil, fmt.Errorf("%q, a range is FIRST:LAST:STEP", text)
	}
	return coco.ThresholdRange(v[0], v[1], v[2])
}

func parseNumbers(text, separator string) (out []float64, err error) {
	for _, field := range strings.Split(text, separator) {
		v, err := parseFloat(field)
		if err != nil {
			return nil, fmt.Errorf("%q is not a number", field)
		}
		out = append(out, v)
	}
	return out, nil
}

// parseAreas reads LABEL=MIN:MAX,...
func parseAreas(text string) (areas []coco.AreaRange, err error) {
	for _, field := range strings.Split(text, ",") {
		label, ends, ok := strings.Cut(field, "=")
		v, err := parseNumbers(ends, ":")
		if !ok || err != nil || len(v) != 2 {
			return nil, fmt.Errorf("%q, an area range is LABEL=MIN:MAX", field)
		}
		areas = append(areas, coco.AreaRange{Label: label, Min: v[0], Max: v[1]})
	}
	return areas, nil
}
