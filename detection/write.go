package detection

import (
	"context"
	"encoding/json"
	"fmt"
	"image/png"
	"io"

	"pmx/images"
)

// WriteInstances writes the annotations as an instances file.
func (d *Dataset) WriteInstances(w io.Writer) error {
	type picture struct {
		ID       int64  `json:"id"`
		FileName string `json:"file_name"`
		Height   int    `json:"height"`
		Width    int    `json:"width"`
	}
	type category struct {
		ID            int64  `json:"id"`
		Name          string `json:"name"`
		Supercategory string `json:"supercategory"`
	}
	type annotation struct {
		ID           int64      `json:"id"`
		ImageID      int64      `json:"image_id"`
		CategoryID   int64      `json:"category_id"`
		Box          [4]float64 `json:"bbox"`
		Area         float64    `json:"area"`
		Crowd        int        `json:"iscrowd"`
		Segmentation any        `json:"segmentation"`
	}
	type runs struct {
		Size   [2]int `json:"size"`
		Counts string `json:"counts"`
	}
	var file struct {
		Images      []picture    `json:"images"`
		Categories  []category   `json:"categories"`
		Annotations []annotation `json:"annotations"`
	}
	for _, c := range d.Categories {
		file.Categories = append(file.Categories, category{c.ID, c.Name, c.Supercategory})
	}
	for i := range d.Pictures {
		p := &d.Pictures[i]
		file.Images = append(file.Images, picture{p.ID, p.Name, p.Height, p.Width})
		for k := range p.Objects {
			o := &p.Objects[k]
			a := annotation{ID: o.ID, ImageID: p.ID, CategoryID: d.Categories[o.Class].ID, Box: o.Box, Area: o.Area, Segmentation: []any{}}
			if o.Crowd {
				a.Crowd = 1
			}
			if r := o.Shape.RLE; r != nil {
				a.Segmentation = runs{[2]int{r.Height, r.Width}, r.Counts}
			} else if len(o.Shape.Polygons) > 0 {
				a.Segmentation = o.Shape.Polygons
			}
			file.Annotations = append(file.Annotations, a)
		}
	}
	if err := json.NewEncoder(w).Encode(file); err != nil {
		return fmt.Errorf("detection: %w", err)
	}
	return nil
}

// WritePicture writes picture i as PNG.
func (d *Dataset) WritePicture(ctx context.Context, w io.Writer, i int) error {
	img := new(images.Image)
	if _, err := d.Sample(ctx, i, img); err != nil {
		return err
	}
	if err := png.Encode(w, img); err != nil {
		return fmt.Errorf("detection: %w", err)
	}
	return nil
}
