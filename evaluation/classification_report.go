package evaluation

import (
	"math"
	"slices"
	"strconv"
)

// ClassificationReport is a Classification as commands print it and as JSON has it.
// Accuracies, recall and precision are in percent.
type ClassificationReport struct {
	Images        int     `json:"images"`
	Top1          float64 `json:"top1"`
	StandardError float64 `json:"standard_error"` // of Top1
	Top5          float64 `json:"top5"`
	// Loss is the mean cross entropy; nil where it is infinite, because an image is of a
	// class that the classifier does not know.
	Loss          *float64      `json:"loss"`
	MajorityClass string        `json:"majority_class"` // the most frequent one
	Majority      float64       `json:"majority"`       // accuracy of always answering it
	Classes       []ClassReport `json:"classes"`
	// Confusion [class of an image][class that scored highest] is a number of images.
	Confusion [][]int `json:"confusion"`
}

// ClassReport is how the images of one class were classified.
type ClassReport struct {
	Name      string   `json:"name"`
	Images    int      `json:"images"`
	Recall    *float64 `json:"recall"`    // nil without images
	Precision *float64 `json:"precision"` // nil where no image was classified as it
}

// Report sums up. names are those of the classes in order; a class without one goes by
// its number.
func (c *Classification) Report(names []string) *ClassificationReport {
	class, majority := c.Majority()
	r := &ClassificationReport{
		Images: c.Images, Top1: 100 * c.Accuracy(), StandardError: 100 * c.StandardError(), Top5: 100 * c.AccuracyTop5(),
		Loss: finite(c.Loss / float64(c.Images)), MajorityClass: className(names, class), Majority: 100 * majority, Confusion: c.Confusion,
	}
	for i := range c.Confusion {
		one := c.Class(i)
		r.Classes = append(r.Classes, ClassReport{className(names, i), one.Images, finite(100 * one.Recall), finite(100 * one.Precision)})
	}
	return r
}

// Mistake is a number of images of one class that were classified as another.
type Mistake struct {
	Of, As string
	Images int
}

// Mistakes are the n most frequent ones, the most frequent first.
func (r *ClassificationReport) Mistakes(n int) []Mistake {
	var out []Mistake
	for i, row := range r.Confusion {
		for j, images := range row {
			if i != j && images > 0 {
				out = append(out, Mistake{r.Classes[i].Name, r.Classes[j].Name, images})
			}
		}
	}
	slices.SortStableFunc(out, func(a, b Mistake) int { return b.Images - a.Images })
	return out[:min(n, len(out))]
}

// className is the name of a class, or its number.
func className(names []string, class int) string {
	if class < len(names) {
		return names[class]
	}
	return strconv.Itoa(class)
}

// finite is nil for what JSON cannot hold.
func finite(v float64) *float64 {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return nil
	}
	return &v
}
