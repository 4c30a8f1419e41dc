// Package images turns image files into pixels for every task: datasets, decoders,
// transforms, and the pipeline that makes batches in parallel. It is pure Go and
// depends on nothing of the training.
//
//	Dataset -> Transform -> Loader
//
// A Dataset (Open) is an indexed collection of images; a View is an image after a
// chain of Transforms (ViewConfig). A Loader makes batches epoch after epoch, each in
// another order, and resumes at any Position; a LabelledLoader makes those of
// supervised training, with RandAugment, random erasing, mixup and cutmix.
// EvalBatches gives the images of a dataset once, in its own order. All of them make
// batches in parallel by a Pipeline, which hands them out in order.
//
// # Same numbers
//
// Decoding and transforms give what Pillow and torchvision give for the same
// parameters, to the last bit except for rare single steps in hue, progressive JPEG
// and lossy WebP; the tests compare with recorded pictures. Random draws are not
// torchvision's, only their distributions. As in torchvision, EXIF orientation is
// not applied. Every draw has a generator of its own (PCG of math/rand/v2) that is
// seeded by what it is for (Seed), so that none depends on another.
//
// # Speed
//
// Bytes are worked on two at a time in 64-bit integers (resize, blur), by table
// (brightness, contrast, solarize, normalisation) or in integers (hue), and plain
// JPEG has a decoder of its own.
package images
