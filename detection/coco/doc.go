// Package coco holds what transfer to object detection and instance
// segmentation stands on: COCO's data, masks, and scores that equal pycocotools'
// in every bit.
//
// The straight line:
//
//		instances.json -> Dataset -+
//		                           +-> Evaluator -> Evaluation -> Stats, PerCategory, curves, report
//		results.json   -> Results -+
//		                  Instances
//
//	  - ReadDataset and ReadResults read whole files as streams; ScanDataset and
//	    ScanResults hand out entries in constant memory. What is wrong with a file is
//	    a FormatError: file, byte, path and what to do.
//	  - XYWH and XYXY are the two box conventions, as types. Boxes and Instances are
//	    what a detector returns for an image.
//	  - Segmentation is a shape as files have it: Polygon outlines or a
//	    CompressedRLE. Rasterise draws it; RLE has area, box, union, intersection,
//	    IoU; Mask has the pixels.
//	  - Evaluator follows the usual protocol: Reset, Process (or Add for results from
//	    a file), Evaluate.
//	  - Scene, Draw and Palette make pictures; Synthetic makes datasets up.
//
// # Scoring
//
// For each category and image, detections are taken by falling score, cut to
// maxDets, and matched greedily to ground truths at each IoU threshold and area
// range (match.go). Over all images of a category they are then lined up by
// falling score; going down that line gives precision against recall
// (accumulate.go):
//
//	precision(r) = max over r' >= r of TP(r') / (TP(r') + FP(r'))
//	AP           = mean of precision(r) over r = 0, .01, ..., 1
//
// The sizes that arrays have, with the defaults:
//
//	T = 10   IoU thresholds     .5, .55, ..., .95
//	R = 101  recall thresholds  0, .01, ..., 1
//	K        categories         all, by id
//	A = 4    area ranges        all, small, medium, large
//	M = 3    maxDets            1, 10, 100
//	D, G     detections and ground truths of an image, or of a category
//
//	Evaluation.Precision  [TxRxKxAxM]   -1 where a category has no objects
//	Evaluation.Scores     [TxRxKxAxM]   -1 there, too
//	Evaluation.Recall     [TxKxAxM]     -1 there, too
//	Evaluation.Positives  [KxA]         objects, without crowds
//	BoxIoU, RLEIoU        [DxG]         row by row
//	verdicts              [AxDxT]       of one category, detections by falling score
//	RLE.Counts            [runs]        down the columns, outside first
//	Mask.Pix              [HxW]         row by row
//	Polygon               [2xpoints]    x0, y0, x1, y1, ...
//
// # Exactness
//
// Sums, comparisons and orders are those of pycocotools 2.0.11 and NumPy, so that
// float64 results are the same bits; testdata/record_masks.py and
// testdata/record_scores.py record what they are. What one might take for mistakes
// is copied as well, each in a test named after it (quirks_test.go). On purpose
// different are only the refusals: malformed masks, results of unknown categories,
// and masks of another size than their image are errors here, while pycocotools
// leaves out or miscounts them. Dangling and doubled ids of annotations are scored
// as there, with a note. RATIONALE.md has the reasons.
//
// Source: T.-Y. Lin et al., "Microsoft COCO: Common Objects in Context", arXiv
// 1405.0312; the COCO API's cocoeval and mask interface.
package coco
