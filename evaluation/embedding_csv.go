package evaluation

import (
	"fmt"
	"io"
	"strconv"

	"pmx/images"
)

var _ = embeddingFormats.Add(".csv", embeddingFormat{named: true, write: writeFeatureTable})

// writeFeatureTable writes a line for each image: its name, its class, and the numbers in
// as many digits as it takes to read the same float32 again.
func writeFeatureTable(w io.Writer, e *Embedding) error {
	header := []string{"name", "class"}
	for i := range e.Dim {
		header = append(header, fmt.Sprintf("f%d", i))
	}
	return writeCSV(w, header, func(line func(...string) error) error {
		cells := make([]string, len(header))
		return e.rows(func(i int, row []float32) error {
			cells[0], cells[1] = images.ItemName(e.Images, i), e.class(i)
			for k, v := range row {
				cells[2+k] = strconv.FormatFloat(float64(v), 'g', -1, 32)
			}
			return line(cells...)
		})
	})
}
