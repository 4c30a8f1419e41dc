package cli

import (
	"fmt"
	"io"
	"unicode/utf8"

	"pmx/evaluation"
	"pmx/internal/progress"
	"pmx/internal/table"
)

// confusionClasses is up to how many classes the confusion matrix is printed; of more,
// the most frequent mistakes are.
const confusionClasses = 20

// printClassification prints what a classification says: accuracy, classes, mistakes.
func printClassification(out io.Writer, r *evaluation.ClassificationReport) error {
	fmt.Fprintf(out, "top-1 %.2f%% ± %.2f (standard error), top-5 %.2f%%, of %s images; always answering %s: %.2f%%\n",
		r.Top1, r.StandardError, r.Top5, progress.Count(int64(r.Images)), r.MajorityClass, r.Majority)
	w := table.New(out)
	w.Row("CLASS", "IMAGES", "RECALL %", "PRECISION %")
	for _, c := range r.Classes {
		w.Row(c.Name, c.Images, percentOrNone(c.Recall), percentOrNone(c.Precision))
	}
	if err := w.Flush(); err != nil {
		return err
	}
	if len(r.Classes) > confusionClasses {
		return printMistakes(out, r)
	}
	return printConfusion(out, r)
}

// printConfusion prints the confusion matrix, its columns headed by the beginnings of
// the classes' names.
func printConfusion(out io.Writer, r *evaluation.ClassificationReport) error {
	w := table.New(out)
	head := []any{"IMAGES OF, CLASSIFIED AS"}
	for _, c := range r.Classes[:len(r.Confusion[0])] {
		head = append(head, beginning(c.Name, 8))
	}
	w.Row(head...)
	for i, row := range r.Confusion {
		cells := []any{r.Classes[i].Name}
		for _, n := range row {
			cells = append(cells, n)
		}
		w.Row(cells...)
	}
	return w.Flush()
}

func printMistakes(out io.Writer, r *evaluation.ClassificationReport) error {
	w := table.New(out)
	w.Row("IMAGES OF", "CLASSIFIED AS", "IMAGES")
	for _, m := range r.Mistakes(10) {
		w.Row(m.Of, m.As, m.Images)
	}
	return w.Flush()
}

func percentOrNone(v *float64) string {
	if v == nil {
		return "-"
	}
	return fmt.Sprintf("%.2f", *v)
}

// beginning is at most n characters of s.
func beginning(s string, n int) string {
	if utf8.RuneCountInString(s) <= n {
		return s
	}
	return string([]rune(s)[:n-1]) + "…"
}
