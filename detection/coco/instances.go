package coco

import "fmt"

// Instances are the detections of one image, as a detector returns them: N
// entries in each field that is not nil.
type Instances struct {
	Boxes      Boxes     // may be nil where masks are given
	Scores     []float64 // higher is surer
	Categories []int64   // category ids of the dataset, not the detector's class indices
	Masks      []RLE     // of the image's size; may be nil
}

// Len is N.
func (in Instances) Len() int { return len(in.Scores) }

func (in Instances) validate() error {
	n := in.Len()
	if len(in.Categories) != n || in.Boxes != nil && len(in.Boxes) != n || in.Masks != nil && len(in.Masks) != n {
		return fmt.Errorf("coco: instances have %d scores, %d categories, %d boxes and %d masks, the counts must agree",
			n, len(in.Categories), len(in.Boxes), len(in.Masks))
	}
	if in.Boxes == nil && in.Masks == nil && n > 0 {
		return fmt.Errorf("coco: instances have neither boxes nor masks")
	}
	return nil
}

// Results returns the instances as results of an image.
func (in Instances) Results(imageID int64) (Results, error) {
	if err := in.validate(); err != nil {
		return nil, err
	}
	out := make(Results, in.Len())
	for i := range out {
		out[i] = Result{ImageID: imageID, CategoryID: in.Categories[i], Score: in.Scores[i]}
		if in.Boxes != nil {
			out[i].Box, out[i].HasBox = in.Boxes[i].XYWH(), true
		}
		if in.Masks != nil {
			m := in.Masks[i]
			if err := m.Validate(); err != nil {
				return nil, fmt.Errorf("coco: mask %d of image %d: %s", i, imageID, withoutPrefix(err))
			}
			out[i].mask = summarise(m)
			out[i].Segmentation.RLE = &CompressedRLE{Height: m.Height, Width: m.Width, Counts: m.Compress()}
		}
	}
	return out, nil
}
