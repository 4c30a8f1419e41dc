package coco_test

import (
	"context"
	"fmt"
	"log"
	"strings"

	"pmx/detection/coco"
)

// Score what a detector returned for one image.
func ExampleEvaluator() {
	gt, err := coco.ReadDataset(strings.NewReader(`{
		"images": [{"id": 1, "height": 100, "width": 100}],
		"categories": [{"id": 18, "name": "dog"}],
		"annotations": [
			{"id": 1, "image_id": 1, "category_id": 18, "bbox": [10, 10, 20, 20], "area": 400, "iscrowd": 0},
			{"id": 2, "image_id": 1, "category_id": 18, "bbox": [50, 50, 40, 40], "area": 1600, "iscrowd": 0}]
	}`), coco.ReadOptions{})
	if err != nil {
		log.Fatal(err)
	}
	e, err := coco.NewEvaluator(gt, coco.Params{})
	if err != nil {
		log.Fatal(err)
	}
	err = e.Process(1, coco.Instances{
		Boxes:      coco.Boxes{{10, 10, 30, 28}, {60, 60, 90, 90}},
		Scores:     []float64{.9, .7},
		Categories: []int64{18, 18},
	})
	if err != nil {
		log.Fatal(err)
	}
	evaluations, err := e.Evaluate(context.Background(), coco.BBox)
	if err != nil {
		log.Fatal(err)
	}
	stats, err := evaluations[0].Stats()
	if err != nil {
		log.Fatal(err)
	}
	for _, s := range stats[:3] {
		fmt.Printf("%s %.3f\n", s.Name, s.Value)
	}
	// Output:
	// AP 0.553
	// AP50 1.000
	// AP75 0.505
}

// Walk through a file of any size in constant memory.
func ExampleScanDataset() {
	text := strings.NewReader(`{"images": [], "annotations": [
		{"id": 1, "image_id": 1, "category_id": 1, "segmentation": [[0, 0, 10, 0, 10, 10, 0, 10]]},
		{"id": 2, "image_id": 1, "category_id": 1, "bbox": [0, 0, 3, 3]}]}`)
	err := coco.ScanDataset(text, coco.ReadOptions{}, coco.Visitor{
		Annotation: func(a *coco.Annotation) error {
			fmt.Println(a.ID, a.Box, a.Area)
			return nil
		},
	})
	if err != nil {
		log.Fatal(err)
	}
	// Output:
	// 1 [0 0 10 10] 100
	// 2 [0 0 3 3] 9
}
