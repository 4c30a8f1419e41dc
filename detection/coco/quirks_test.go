package coco

import (
	"math"
	"strings"
	"testing"
)

// Each test here is a behaviour of pycocotools that one might take for a mistake,
// copied on purpose and named after what happens. Cases are small enough to be
// followed by hand; testdata/record_scores.py meets the same corners at random.

// quirk is a dataset of images 1 and 2, each 100x100, and categories 1 and 2.
func quirk(t *testing.T, annotations ...Annotation) *Dataset {
	t.Helper()
	for i := range annotations {
		a := &annotations[i]
		if a.ImageID == 0 {
			a.ImageID = 1
		}
		if a.CategoryID == 0 {
			a.CategoryID = 1
		}
		if a.Area == 0 {
			a.Area = a.Box.Area()
		}
	}
	d, err := NewDataset(
		[]Image{{ID: 1, Height: 100, Width: 100}, {ID: 2, Height: 100, Width: 100}},
		[]Category{{ID: 1, Name: "one"}, {ID: 2, Name: "two"}},
		annotations,
	)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// detected is a result of category 1 in image 1.
func detected(score float64, box XYWH) Result {
	return Result{ImageID: 1, CategoryID: 1, Score: score, Box: box, HasBox: true}
}

// ap50 is the average precision of category 1 at IoU .5, over 101 recalls.
func ap50(t *testing.T, d *Dataset, p Params, results ...Result) float64 {
	t.Helper()
	p.IoUThresholds = []float64{.5}
	e := score(t, d, results, p, BBox)
	return about(e.averagePrecision(selection{k: []int{0}, a: []int{0}, m: []int{len(e.Params.MaxDets) - 1}}))
}

// about hides what TestPerfectPrecisionIsNotOne is about.
func about(v float64) float64 { return math.Round(v*1e12) / 1e12 }

// TestPerfectPrecisionIsNotOne: denominators have numpy.spacing(1) added, so that
// one true positive among one detection is a precision of 1/(1 + 2^-52).
func TestPerfectPrecisionIsNotOne(t *testing.T) {
	d := quirk(t, Annotation{ID: 1, Box: XYWH{0, 0, 10, 10}})
	e := score(t, d, Results{detected(.9, XYWH{0, 0, 10, 10})}, Params{}, BBox)
	if got, want := e.Precision[0], 1/(1+0x1p-52); got != want || got == 1 {
		t.Errorf("precision %v, want %v", got, want)
	}
}

func TestEqualScoresKeepTheirOrder(t *testing.T) {
	d := quirk(t, Annotation{ID: 1, Box: XYWH{0, 0, 10, 10}})
	right, wrong := detected(.5, XYWH{0, 0, 10, 10}), detected(.5, XYWH{50, 50, 10, 10})
	if got := ap50(t, d, Params{}, right, wrong); got != 1 {
		t.Errorf("AP %v with the right one first, want 1", got)
	}
	if got := ap50(t, d, Params{}, wrong, right); got != .5 {
		t.Errorf("AP %v with the wrong one first, want 0.5", got)
	}
}

func TestEqualScoresOfImagesAreInOrderOfImageIDs(t *testing.T) {
	d := quirk(t, Annotation{ID: 1, Box: XYWH{0, 0, 10, 10}})
	right, wrong := detected(.5, XYWH{0, 0, 10, 10}), detected(.5, XYWH{0, 0, 10, 10})
	wrong.ImageID = 2
	if got := ap50(t, d, Params{}, wrong, right); got != 1 {
		t.Errorf("AP %v, want 1: image 1 comes first, whatever the order in the file", got)
	}
}

func TestLaterGroundTruthWinsOnEqualIoU(t *testing.T) {
	// The first detection overlaps both alike; the second only the first object.
	d := quirk(t, Annotation{ID: 1, Box: XYWH{0, 0, 10, 10}}, Annotation{ID: 2, Box: XYWH{4, 0, 10, 10}})
	got := ap50(t, d, Params{}, detected(.9, XYWH{2, 0, 10, 10}), detected(.8, XYWH{0, 0, 10, 10}))
	if got != 1 {
		t.Errorf("AP %v, want 1: the first detection takes the later object and leaves the other", got)
	}
}

func TestMatchedObjectIsNotGivenUpForACrowd(t *testing.T) {
	d := quirk(t,
		Annotation{ID: 1, Box: XYWH{0, 0, 50, 50}, Crowd: true}, // IoU 1, being a crowd
		Annotation{ID: 2, Box: XYWH{0, 0, 10, 10}},              // IoU .6
	)
	if got := ap50(t, d, Params{}, detected(.9, XYWH{0, 0, 10, 6})); got != 1 {
		t.Errorf("AP %v, want 1: the object is found although the crowd overlaps more", got)
	}
}

func TestCrowdTakesAnyNumberOfDetections(t *testing.T) {
	d := quirk(t,
		Annotation{ID: 1, Box: XYWH{0, 0, 50, 50}, Crowd: true},
		Annotation{ID: 2, Box: XYWH{80, 80, 10, 10}},
	)
	inside := XYWH{20, 20, 10, 10}
	got := ap50(t, d, Params{}, detected(.9, inside), detected(.8, inside), detected(.7, XYWH{80, 80, 10, 10}))
	if got != 1 {
		t.Errorf("AP %v, want 1: detections inside a crowd count neither way", got)
	}
}

func TestIgnoreIsOverwrittenByIscrowd(t *testing.T) {
	d, err := ReadDataset(strings.NewReader(`{
		"images": [{"id": 1, "height": 100, "width": 100}], "categories": [{"id": 1, "name": "one"}],
		"annotations": [{"id": 1, "image_id": 1, "category_id": 1, "bbox": [0, 0, 10, 10], "area": 100, "iscrowd": 0, "ignore": 1}]
	}`), ReadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if got := ap50(t, d, Params{}, detected(.9, XYWH{0, 0, 10, 10})); got != 1 {
		t.Errorf("AP %v, want 1: the object counts, its \"ignore\" does not", got)
	}
}

func TestAbsentIsMinusOneNotZero(t *testing.T) {
	d := quirk(t, Annotation{ID: 1, Box: XYWH{0, 0, 10, 10}})
	wrong := detected(.9, XYWH{50, 50, 10, 10})
	wrong.CategoryID = 2
	e := score(t, d, Results{detected(.9, XYWH{0, 0, 10, 10}), wrong}, Params{}, BBox)
	rows := e.PerCategory()
	if about(rows[0].AP) != 1 || rows[1].AP != -1 || rows[0].APLarge != -1 {
		t.Errorf("AP %v, %v and %v of large objects, want 1, -1 and -1", rows[0].AP, rows[1].AP, rows[0].APLarge)
	}
	stats, err := e.Stats()
	if err != nil {
		t.Fatal(err)
	}
	if about(stats[0].Value) != 1 {
		t.Errorf("AP %v, want 1: category 2 has no objects, its false detection costs nothing", stats[0].Value)
	}
}

// TestThresholdsAreLinspaceNotArange: recorded from numpy 2.4.6. The ninth is not
// .9, and multiples of .01 are not all the nearest float64 to their decimal.
func TestThresholdsAreLinspaceNotArange(t *testing.T) {
	want := []float64{.5, .55, .6, .65, .7, .75, .8, .85, 0x1.cccccccccccccp-1, .95}
	for i, got := range linspace(.5, .95, 10) {
		if got != want[i] {
			t.Errorf("threshold %d is %x, want %x", i, got, want[i])
		}
	}
	const recorded = "2d97dd2c2d94ed0b5ce6c902c0dcf2a41753796593ae2859ab77b0ba0c647bc3"
	if got := floatsSHA(linspace(0, 1, 101)); got != recorded {
		t.Errorf("recall thresholds have SHA-256 %s, want %s", got, recorded)
	}
}

func TestAnnotationIDZeroReadsAsUnmatched(t *testing.T) {
	box := XYWH{0, 0, 10, 10}
	for id, want := range map[int64]float64{1: 1, 0: 0, -3: 1} {
		if got := ap50(t, quirk(t, Annotation{ID: id, Box: box}), Params{}, detected(.9, box)); got != want {
			t.Errorf("AP %v with annotation id %d, want %v", got, id, want)
		}
	}
}

func TestAreaRangesIncludeBothEnds(t *testing.T) {
	d := quirk(t, Annotation{ID: 1, Box: XYWH{0, 0, 32, 32}})
	row := score(t, d, Results{detected(.9, XYWH{0, 0, 32, 32})}, Params{}, BBox).PerCategory()[0]
	if about(row.APSmall) != 1 || about(row.APMedium) != 1 || row.APLarge != -1 {
		t.Errorf("AP small %v, medium %v, large %v; an object of 32² is small and medium", row.APSmall, row.APMedium, row.APLarge)
	}
}

func TestAreasOfObjectsAreTheFileAreas(t *testing.T) {
	d := quirk(t, Annotation{ID: 1, Box: XYWH{0, 0, 10, 10}, Area: 5000})
	row := score(t, d, Results{detected(.9, XYWH{0, 0, 10, 10})}, Params{}, BBox).PerCategory()[0]
	if row.APSmall != -1 || about(row.APMedium) != 1 {
		t.Errorf("AP small %v, medium %v; the file says 5000 pixels, whatever its box", row.APSmall, row.APMedium)
	}
}

func TestUnmatchedDetectionsOutsideTheAreaRangeAreIgnored(t *testing.T) {
	d := quirk(t, Annotation{ID: 1, Box: XYWH{0, 0, 10, 10}})
	results := Results{detected(.9, XYWH{30, 30, 60, 60}), detected(.8, XYWH{0, 0, 10, 10})}
	row := score(t, d, results, Params{}, BBox).PerCategory()[0]
	if row.AP != .5 || about(row.APSmall) != 1 {
		t.Errorf("AP %v and %v of small objects, want 0.5 and 1: the false detection is not small", row.AP, row.APSmall)
	}
}

// TestBoxOfTheFirstResultDecidesAreas: masks of 10x10 with boxes of 40x40 beside
// them are medium detections, masks alone are small ones; unmatched, they count
// as false in that range alone.
func TestBoxOfTheFirstResultDecidesAreas(t *testing.T) {
	object, _ := BoxRLE(100, 100, XYWH{0, 0, 10, 10})
	mask := func(r RLE) Segmentation {
		return Segmentation{RLE: &CompressedRLE{r.Height, r.Width, r.Compress()}}
	}
	d := quirk(t, Annotation{ID: 1, Box: XYWH{0, 0, 10, 10}, Segmentation: mask(object)})
	elsewhere, _ := BoxRLE(100, 100, XYWH{50, 50, 10, 10})
	right, wrong := detected(.8, XYWH{0, 0, 40, 40}), detected(.9, XYWH{0, 0, 40, 40})
	right.Segmentation, wrong.Segmentation = mask(object), mask(elsewhere)

	withBoxes := score(t, d, Results{wrong, right}, Params{}, Segm).PerCategory()[0]
	right.HasBox, wrong.HasBox = false, false
	withoutBoxes := score(t, d, Results{wrong, right}, Params{}, Segm).PerCategory()[0]
	if about(withBoxes.APSmall) != 1 || withoutBoxes.APSmall != .5 {
		t.Errorf("AP of small objects %v with boxes and %v without, want 1 and 0.5", withBoxes.APSmall, withoutBoxes.APSmall)
	}
}

func TestResultWithBoxAloneHasTheMaskOfTheBox(t *testing.T) {
	d := quirk(t, Annotation{ID: 1, Box: XYWH{0, 0, 10, 10}, Segmentation: Segmentation{Polygons: []Polygon{{0, 0, 10, 0, 10, 10, 0, 10}}}})
	if got := score(t, d, Results{detected(.9, XYWH{0, 0, 10, 10})}, Params{}, Segm).PerCategory()[0].AP; about(got) != 1 {
		t.Errorf("AP %v, want 1", got)
	}
}

func TestThresholdOneIsWithinReachOfRounding(t *testing.T) {
	// (.1+.2) + .3 and .6 differ in the last bit, and so IoU is a little below 1.
	d := quirk(t, Annotation{ID: 1, Box: XYWH{0, 0, .6, 1}})
	a, b := .1, .2
	result := detected(.9, XYWH{0, 0, (a + b) + .3, 1})
	if iou := BoxIoU([]XYWH{result.Box}, []XYWH{{0, 0, .6, 1}}, nil)[0]; iou >= 1 {
		t.Fatalf("IoU %v, the case is meant to be below 1", iou)
	}
	e := score(t, d, Results{result}, Params{IoUThresholds: []float64{1}}, BBox)
	if got := e.PerCategory()[0].AP; about(got) != 1 {
		t.Errorf("AP %v at threshold 1, want 1", got)
	}
}

func TestSummaryBeginsAt100DetectionsWhateverMaxDets(t *testing.T) {
	d := quirk(t, Annotation{ID: 1, Box: XYWH{0, 0, 10, 10}})
	e := score(t, d, Results{detected(.9, XYWH{0, 0, 10, 10})}, Params{MaxDets: []int{1, 10, 50}}, BBox)
	stats, err := e.Stats()
	if err != nil {
		t.Fatal(err)
	}
	if stats[0].Value != -1 || about(stats[1].Value) != 1 {
		t.Errorf("AP %v and AP50 %v, want -1 and 1: the first line is about 100 detections, and there is no such value", stats[0].Value, stats[1].Value)
	}
}

func TestMaxDetsCountsByImageAndCategory(t *testing.T) {
	other := XYWH{50, 50, 10, 10}
	d := quirk(t, Annotation{ID: 1, Box: XYWH{0, 0, 10, 10}}, Annotation{ID: 2, ImageID: 2, Box: other})
	second := detected(.1, other)
	second.ImageID = 2
	p := Params{MaxDets: []int{1}}
	if got := ap50(t, d, p, detected(.9, XYWH{0, 0, 10, 10}), detected(.8, other), second); got != 1 {
		t.Errorf("AP %v, want 1: the second detection of image 1 is cut, the first of image 2 is not", got)
	}
}

func TestCategoryAgnosticKeepsTheOrderOfCategories(t *testing.T) {
	d := quirk(t, Annotation{ID: 1, CategoryID: 1, Box: XYWH{0, 0, 10, 10}})
	right, wrong := detected(.5, XYWH{0, 0, 10, 10}), detected(.5, XYWH{50, 50, 10, 10})
	right.CategoryID = 2
	p := Params{CategoryAgnostic: true}
	if got := ap50(t, d, p, right, wrong); got != .5 {
		t.Errorf("AP %v, want 0.5: of equal scores, category 1 comes first, whatever the order in the file", got)
	}
}

// TestMeansAddPairwise: recorded from numpy 2.4.6; adding in order gives others.
func TestMeansAddPairwise(t *testing.T) {
	for n, want := range map[int]float64{
		1: 1, 7: 2.5928571428571425, 8: 2.7178571428571425, 9: 2.8289682539682537, 127: 5.425334592589172, 128: 5.433147092589173,
		129: 5.440899030573669, 1000: 7.485470860550345, 10000: 9.787606036044382,
	} {
		values := make([]float64, n)
		for i := range values {
			values[i] = 1 / float64(i+1)
		}
		if got := mean(values); got != want/float64(n) {
			t.Errorf("mean of 1/1 ... 1/%d is %v, want %v", n, got, want/float64(n))
		}
	}
}
