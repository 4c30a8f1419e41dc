package coco

import (
	"bufio"
	"encoding/json"
	"io"
)

// resultJSON is a detection as a results file has it.
type resultJSON struct {
	ImageID      int64     `json:"image_id"`
	CategoryID   int64     `json:"category_id"`
	Box          *XYWH     `json:"bbox,omitempty"`
	Score        float64   `json:"score"`
	Segmentation *maskJSON `json:"segmentation,omitempty"`
}

// maskJSON is a mask as pycocotools writes it.
type maskJSON struct {
	Size   [2]int `json:"size"` // height, width
	Counts string `json:"counts"`
}

// Write writes a results file, which ReadResults and pycocotools read: an array with a
// line for each detection. Of segmentations, masks are written.
func (r Results) Write(w io.Writer) error {
	out := bufio.NewWriter(w)
	separator := "["
	for i := range r {
		j := resultJSON{ImageID: r[i].ImageID, CategoryID: r[i].CategoryID, Score: r[i].Score}
		if r[i].HasBox {
			j.Box = &r[i].Box
		}
		if m := r[i].Segmentation.RLE; m != nil {
			j.Segmentation = &maskJSON{[2]int{m.Height, m.Width}, m.Counts}
		}
		text, err := json.Marshal(j)
		if err != nil {
			return err
		}
		out.WriteString(separator + "\n")
		out.Write(text)
		separator = ","
	}
	if len(r) == 0 {
		out.WriteString(separator)
	}
	out.WriteString("\n]\n")
	return out.Flush()
}
