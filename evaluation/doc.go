// Package evaluation measures how good an encoder's features are by the
// protocols of the field. Results are fractions, 0 to 1.
//
// # Features
//
// Images reads a data set. Extract runs a frozen encoder over it and keeps the
// class token, scaled to length 1, so that a dot product is a cosine. RawPixels
// makes features of the images themselves: the baseline that an encoder has to
// beat. A Cache keeps features beside a run.
//
// # k nearest neighbours
//
// KNN is the weighted vote of Wu et al., "Unsupervised Feature Learning via
// Non-Parametric Instance Discrimination" (arXiv 1805.01978, section 3.4), as DINO
// and PatchMix use it. The training set is the memory bank. A query with feature
// f takes the k images i of the bank with the highest cosine s_i = ⟨f, v_i⟩, and
// class c gets the score
//
//	w_c = Σ over neighbours i of class c of exp(s_i/τ),  τ = 0.07
//
// Top-1 counts queries whose class has the highest score, top-5 those whose class
// is among the five highest. Only classes of at least one neighbour have a score: with
// k = 1, top-5 equals top-1. The published code of DINO and PatchMix sorts the classes
// without a vote too, in the order of their labels, and counts a query whose class
// fills up the five. Its top-5 is higher wherever the neighbours are of fewer than five
// classes: for 200 CIFAR-10 images and the pixels of 1,000 others it is 61.00 % at k = 1
// and 75.50 % at k = 10, by votes 31.50 % and 73.50 %. Top-1 is the same.
//
// Nothing is trained and nothing is tuned, so the
// number belongs to the features alone; k is 10, 20, 100 and 200 by convention,
// and the best of them is what papers report.
//
// Queries are images that the encoder was not trained on. Both sets pass the same
// resize, centre crop and normalisation, without augmentation. OnlineKNN does all
// of it while a model is trained. Of a training with a momentum encoder that one
// is measured (builders.Config.FeatureEncoder says why).
package evaluation
