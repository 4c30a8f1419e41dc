package coco

import (
	"bytes"
	"encoding/json"
	"testing"
)

// BenchmarkEncodingJSONDecode is the yardstick for jsonscan: the streaming way to
// read an instances file with encoding/json, token by token down to each entry and
// entry by entry into structs. It checks nothing and keeps nothing.
func BenchmarkEncodingJSONDecode(b *testing.B) {
	text := synthetic(b, 2000)
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		d := json.NewDecoder(bytes.NewReader(text))
		token := func() json.Token {
			t, err := d.Token()
			if err != nil {
				b.Fatal(err)
			}
			return t
		}
		token()
		for d.More() {
			if key := token(); key != "annotations" {
				var skipped json.RawMessage
				if err := d.Decode(&skipped); err != nil {
					b.Fatal(err)
				}
				continue
			}
			token()
			for d.More() {
				var a struct {
					ID           int64           `json:"id"`
					ImageID      int64           `json:"image_id"`
					CategoryID   int64           `json:"category_id"`
					BBox         [4]float64      `json:"bbox"`
					Area         float64         `json:"area"`
					Crowd        int             `json:"iscrowd"`
					Segmentation json.RawMessage `json:"segmentation"`
				}
				if err := d.Decode(&a); err != nil {
					b.Fatal(err)
				}
				if a.Crowd == 0 {
					var polygons []Polygon
					if err := json.Unmarshal(a.Segmentation, &polygons); err != nil {
						b.Fatal(err)
					}
				}
			}
			token()
		}
	}
}

// BenchmarkEncodingJSONTokens reads the same text as tokens alone.
func BenchmarkEncodingJSONTokens(b *testing.B) {
	text := synthetic(b, 500)
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		d := json.NewDecoder(bytes.NewReader(text))
		for {
			if _, err := d.Token(); err != nil {
				break
			}
		}
	}
}
