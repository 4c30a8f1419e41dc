// Package detection feeds the training of object detectors and of instance
// segmentation: pictures with annotated objects, as COCO's files have them, become
// what a network takes. The scores, masks and files themselves are in detection/coco.
//
//	Open -> Dataset -> Loader                 batches for training, epoch after epoch
//	               \-> EvalBatches            every picture once, with the way back
//	Transform.Apply                           one picture and its objects
//
// A task uses it so:
//
//	source, err := detection.Open(ctx, "coco:instances.json,pictures")
//	train, held := source.Train, source.Validation
//	if held == nil {
//		train, held, err = train.Split(.1, seed) // a held-out tenth
//	}
//	loader, err := detection.NewLoader(train.WithObjects(), detection.LoaderConfig{
//		LoaderConfig: images.LoaderConfig{Batch: 8, Seed: seed},
//		Transform:    detection.Transform{Size: 512, Shortest: []int{320, 512}, Flip: .5},
//		Anchors:      anchors,   // of all levels
//		Proposals:    proposals, // regions of an image before sampling
//	})
//	batch, err := loader.Next(ctx) // batch.Feeds goes into the step, then batch.Release()
//
// The classes are train.Categories: class k of the network is Categories[k], and K =
// len(Categories) is the background. held.Truth() is the ground truth for coco's
// Evaluator, with the ids of the categories.
//
// # Feeds
//
// N pictures in a batch, H the side of the network's square, G the largest number of
// objects of a picture in the batch (at least 1), A anchors, R proposals:
//
//	image       float32 [N 3 H H]    normalised, the picture in the upper left corner, 0 beside it
//	sizes       float32 [N 1 4]      w h w h of the picture in the square
//	gt_boxes    float32 [N G 4]      x1 y1 x2 y2 in pixels of the square
//	gt_classes  int64   [N G]        -1: there is no object
//	gt_masks    float32 [N*G 1 H H]  0 or 1; the last row and column are repeated beside the picture
//	rpn_keys    float32 [N A]        uniform in (0, 1), for sampling anchors
//	roi_keys    float32 [N R+G]      uniform in (0, 1), for sampling regions
//
// # Semantics
//
// They are detectron2's. Pictures are turned by their EXIF orientation and resized by
// Pillow's bilinear filter. Boxes are transformed as corners and clipped; outlines are
// transformed as coordinates and drawn at the size of the network's picture; run
// lengths are resized by nearest neighbour. Crowds are left out, and so are objects of
// which a crop leaves neither width, height nor a pixel. After a crop, boxes are those
// of the masks. Every random draw follows from the seed, the epoch and the picture's
// index, so that a loader resumes bit for bit (see images.Loader).
package detection
