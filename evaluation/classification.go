package evaluation

import (
	"context"
	"fmt"
	"math"

	"pmx/onnxgraph"
)

// Classification counts how a classifier classified test images.
type Classification struct {
	Images     int
	Top1, Top5 int // images whose class scored highest, and among the five highest
	// Confusion [class of an image][class that scored highest] is a number of images.
	// Its rows continue after the classifier's classes where images are of others.
	Confusion [][]int
	Loss      float64 // cross entropy, the sum over the images

	classes int
}

// NewClassification counts for a classifier of so many classes.
func NewClassification(classes int) *Classification {
	c := &Classification{classes: classes}
	c.rows(classes)
	return c
}

// rows makes the confusion matrix of at least n rows.
func (c *Classification) rows(n int) {
	for len(c.Confusion) < n {
		c.Confusion = append(c.Confusion, make([]int, c.classes))
	}
}

// Count takes an image: the logits of the classes, and its class. Of equal logits
// the lower class is in front. A class that the classifier does not know is never right.
func (c *Classification) Count(logits []float32, class int) error {
	if len(logits) != c.classes || class < 0 {
		return fmt.Errorf("evaluation: %d logits for an image of class %d, want %d", len(logits), class, c.classes)
	}
	highest := 0
	for i, v := range logits {
		if math.IsNaN(float64(v)) || math.IsInf(float64(v), 0) {
			return fmt.Errorf("evaluation: the logit of class %d is %v", i, v)
		}
		if v > logits[highest] {
			highest = i
		}
	}
	c.Images++
	c.rows(class + 1)
	c.Confusion[class][highest]++
	if class >= c.classes {
		c.Loss = math.Inf(1)
		return nil
	}
	sum, rank := 0.0, 0
	for i, v := range logits {
		sum += math.Exp(float64(v) - float64(logits[highest]))
		if v > logits[class] || v == logits[class] && i < class {
			rank++
		}
	}
	c.Loss += math.Log(sum) + float64(logits[highest]) - float64(logits[class])
	if rank == 0 {
		c.Top1++
	}
	if rank < 5 {
		c.Top5++
	}
	return nil
}

// CountBatch is Count of logits [n classes].
func (c *Classification) CountBatch(logits *onnxgraph.Tensor, classes []int) error {
	if logits == nil || logits.DType() != onnxgraph.Float32 || !logits.Shape().Equal([]int{len(classes), c.classes}) {
		return fmt.Errorf("evaluation: logits are %v, want float[%d %d]", logits, len(classes), c.classes)
	}
	data := onnxgraph.Data[float32](logits)
	for i, class := range classes {
		if err := c.Count(data[i*c.classes:][:c.classes], class); err != nil {
			return err
		}
	}
	return nil
}

// Accuracy is the part of the images that are in Top1.
func (c *Classification) Accuracy() float64 { return float64(c.Top1) / float64(c.Images) }

// AccuracyTop5 is the part of the images that are in Top5.
func (c *Classification) AccuracyTop5() float64 { return float64(c.Top5) / float64(c.Images) }

// StandardError is the accuracy's: √(p(1-p)/n), that of a binomial distribution.
func (c *Classification) StandardError() float64 {
	p := c.Accuracy()
	return math.Sqrt(p * (1 - p) / float64(c.Images))
}

// Majority is the class that most images are of, and its part of them: the accuracy of
// always answering it.
func (c *Classification) Majority() (class int, part float64) {
	most := 0
	for i := range c.Confusion {
		if n := c.imagesOf(i); n > most {
			class, most = i, n
		}
	}
	return class, float64(most) / float64(c.Images)
}

func (c *Classification) imagesOf(class int) int {
	n := 0
	for _, images := range c.Confusion[class] {
		n += images
	}
	return n
}

// ClassResult is how the images of one class were classified.
type ClassResult struct {
	Images    int
	Recall    float64 // the part of its images that were classified as it; NaN without images
	Precision float64 // the part of the images classified as it that are of it; NaN where none was
}

// Class gives the result of one class.
func (c *Classification) Class(class int) ClassResult {
	r := ClassResult{Images: c.imagesOf(class), Precision: math.NaN()}
	right, answered := 0, 0
	if class < c.classes {
		right = c.Confusion[class][class]
		for _, row := range c.Confusion {
			answered += row[class]
		}
		r.Precision = float64(right) / float64(answered)
	}
	r.Recall = float64(right) / float64(r.Images)
	return r
}

// Classify counts how images are classified by their logits [n classes]. progress,
// unless nil, is told after each batch how many images are done. It stops with ctx's
// error once that is done.
func Classify(ctx context.Context, classes int, batches Batches, logits func(images *onnxgraph.Tensor) (*onnxgraph.Tensor, error), progress func(done int)) (*Classification, error) {
	c := NewClassification(classes)
	for batch, err := range batches {
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return nil, err
		}
		scores, err := logits(batch.Images)
		if err != nil {
			return nil, err
		}
		if err := c.CountBatch(scores, batch.Labels); err != nil {
			return nil, err
		}
		if progress != nil {
			progress(c.Images)
		}
	}
	if c.Images == 0 {
		return nil, fmt.Errorf("evaluation: the data set has no images")
	}
	return c, nil
}
