package coco

import (
	"encoding/json"
	"fmt"
	"io"
)

// The JSON report: stable names, every number in full precision, -1 where there
// was nothing to be found.
type (
	report struct {
		Scores []reportScores `json:"scores"`
	}
	reportScores struct {
		Type       IoUType          `json:"type"`
		Params     reportParams     `json:"params"`
		Stats      []reportStat     `json:"stats"`
		Categories []reportCategory `json:"categories"`
	}
	reportParams struct {
		IoUThresholds    []float64    `json:"iou_thresholds"`
		RecallThresholds []float64    `json:"recall_thresholds"`
		Areas            []reportArea `json:"areas"`
		MaxDets          []int        `json:"max_dets"`
		CategoryAgnostic bool         `json:"category_agnostic"`
		Images           int          `json:"images"`
	}
	reportArea struct {
		Label string  `json:"label"`
		Min   float64 `json:"min"`
		Max   float64 `json:"max"`
	}
	reportStat struct {
		Name    string  `json:"name"`
		IoU     string  `json:"iou"`
		Area    string  `json:"area"`
		MaxDets int     `json:"max_dets"`
		Value   float64 `json:"value"`
	}
	reportCategory struct {
		ID       any     `json:"id"` // a number or a string
		Name     string  `json:"name"`
		Objects  int     `json:"objects"`
		AP       float64 `json:"AP"`
		AP50     float64 `json:"AP50"`
		AP75     float64 `json:"AP75"`
		APSmall  float64 `json:"APs"`
		APMedium float64 `json:"APm"`
		APLarge  float64 `json:"APl"`
		AR       float64 `json:"AR"`
	}
)

// WriteReport writes evaluations as one JSON object.
func WriteReport(w io.Writer, evaluations []*Evaluation) error {
	r := report{Scores: []reportScores{}}
	for _, e := range evaluations {
		stats, err := e.Stats()
		if err != nil {
			return err
		}
		p := e.Params
		one := reportScores{Type: e.Type, Params: reportParams{
			IoUThresholds: p.IoUThresholds, RecallThresholds: p.RecallThresholds, MaxDets: p.MaxDets,
			CategoryAgnostic: p.CategoryAgnostic, Images: len(p.ImageIDs),
		}}
		for _, a := range p.Areas {
			one.Params.Areas = append(one.Params.Areas, reportArea(a))
		}
		for _, s := range stats {
			one.Stats = append(one.Stats, reportStat{s.Name, s.IoU, s.Area, s.MaxDets, s.Value})
		}
		for _, c := range e.PerCategory() {
			one.Categories = append(one.Categories, reportCategory{
				e.ids.value(c.Category.ID), c.Category.Name, c.Objects, c.AP, c.AP50, c.AP75, c.APSmall, c.APMedium, c.APLarge, c.AR,
			})
		}
		r.Scores = append(r.Scores, one)
	}
	out := json.NewEncoder(w)
	out.SetIndent("", "  ")
	if err := out.Encode(r); err != nil {
		return fmt.Errorf("coco: %w", err)
	}
	return nil
}
