// Package patchmix turns images into the batches that PatchMix trains on: two
// augmented views of every image, local crops, mixed images, and the soft
// targets that say which images a mix contains. It is pure Go and depends on
// nothing of the training.
//
// The method is "Inter-Instance Similarity Modeling for Contrastive Learning",
// arXiv 2306.12243.
//
//	Dataset -> views -> Mixer -> Batch
//
// Datasets and transforms are package images'. A view is an image after a chain of
// transforms (ViewsConfig); a Mixer exchanges patches between the images of a
// batch; a Loader does all of it in parallel and hands out Batches whose Feeds have
// the names and shapes of the step file.
//
// # Mixing
//
// N images of H x W pixels are cut into T = (H/p)(W/p) patches, and m of them are
// in every mix. With one permutation of the positions for the whole batch, the
// patches at shuffled positions s*S to (s+1)*S-1, S = T/m rounded down, of result
// b come from image (b+s) mod N, s = 0..m-1; all others from image b. Mix b thus
// shares a part 1/m with each of images b to b+m-1, and mixes b and b+d share
// (1-|d|/m)/m of each of their common images. These are the targets, rows being
// queries and columns keys, with e the smoothing:
//
//	source to source   (1-e) + e/N            at b
//	mix to source      (1-e)/m + e/N          at b+s, s = 0..m-1
//	mix to mix         (1-e)(1-|d|/m)/m + e/N at b+d, d = -(m-1)..m-1
//	all                e/N                    elsewhere
//
// # Same numbers
//
// What a batch contains follows from the dataset, the LoaderConfig and the
// Position alone, not from the number of workers, other views, or what was
// loaded before: every shuffle, permutation and view has a generator of its own
// (PCG of math/rand/v2) that is seeded by what it is for.
package patchmix
