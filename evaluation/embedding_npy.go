package evaluation

import (
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"strings"
)

var _ = embeddingFormats.Add(".npy", embeddingFormat{write: writeNPY})

// writeNPY writes float32 [N Dim] as numpy.load reads it: version 1.0 of the format
// (https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html).
func writeNPY(w io.Writer, e *Embedding) error {
	const before = len("\x93NUMPY") + 4
	header := fmt.Sprintf("{'descr': '<f4', 'fortran_order': False, 'shape': (%d, %d), }", e.Images.Len(), e.Dim)
	header += strings.Repeat(" ", 63-(before+len(header))%64) + "\n" // the data begins at a multiple of 64
	prefix := binary.LittleEndian.AppendUint16([]byte("\x93NUMPY\x01\x00"), uint16(len(header)))
	if _, err := w.Write(append(prefix, header...)); err != nil {
		return err
	}
	line := make([]byte, 0, 4*e.Dim)
	return e.rows(func(_ int, row []float32) error {
		line = line[:0]
		for _, v := range row {
			line = binary.LittleEndian.AppendUint32(line, math.Float32bits(v))
		}
		_, err := w.Write(line)
		return err
	})
}
