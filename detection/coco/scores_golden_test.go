package coco

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// scoreVector is a case of testdata/record_scores.py.
type scoreVector struct {
	Gt      json.RawMessage `json:"gt"`
	Results json.RawMessage `json:"results"`
	Type    IoUType         `json:"type"`
	Params  struct {
		IoU         []float64 `json:"iou"`
		Recall      []float64 `json:"recall"`
		MaxDets     []int     `json:"max_dets"`
		Areas       [][3]any  `json:"areas"` // label, min, max
		Agnostic    bool      `json:"agnostic"`
		ImageIDs    []int64   `json:"image_ids"`
		CategoryIDs []int64   `json:"category_ids"`
	} `json:"params"`
	Printed      string      `json:"printed"`
	Stats        [12]float64 `json:"stats"`
	PrecisionSHA string      `json:"precision_sha256"`
	ScoresSHA    string      `json:"scores_sha256"`
	RecallSHA    string      `json:"recall_sha256"`
	Precision    []float64   `json:"precision"` // where recorded
	Scores       []float64   `json:"scores"`
	Recall       []float64   `json:"recall"`
}

func (v scoreVector) params() Params {
	p := Params{
		IoUThresholds: v.Params.IoU, RecallThresholds: v.Params.Recall, MaxDets: v.Params.MaxDets,
		CategoryAgnostic: v.Params.Agnostic, ImageIDs: v.Params.ImageIDs, CategoryIDs: v.Params.CategoryIDs,
	}
	for _, a := range v.Params.Areas {
		p.Areas = append(p.Areas, AreaRange{a[0].(string), a[1].(float64), a[2].(float64)})
	}
	return p
}

// TestScoresEqualPycocotools compares whole arrays, bit for bit, on random small
// datasets full of ties and corner cases. PMX_SCORE_VECTORS names another file of
// cases.
func TestScoresEqualPycocotools(t *testing.T) {
	path := os.Getenv("PMX_SCORE_VECTORS")
	if path == "" {
		path = "testdata/scores.json"
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var vectors []scoreVector
	if err := json.Unmarshal(text, &vectors); err != nil {
		t.Fatal(err)
	}
	if len(vectors) == 0 {
		t.Fatalf("%s holds no cases", path)
	}
	for i, v := range vectors {
		gt, err := ReadDataset(bytes.NewReader(v.Gt), ReadOptions{})
		if err != nil {
			t.Fatalf("case %d: %v", i, err)
		}
		results, err := ReadResults(bytes.NewReader(v.Results), ReadOptions{})
		if err != nil {
			t.Fatalf("case %d: %v", i, err)
		}
		got := score(t, gt, results, v.params(), v.Type)
		for _, array := range []struct {
			name string
			got  []float64
			want []float64
			sha  string
		}{
			{"precision", got.Precision, v.Precision, v.PrecisionSHA},
			{"scores", got.Scores, v.Scores, v.ScoresSHA},
			{"recall", got.Recall, v.Recall, v.RecallSHA},
		} {
			if diff := cmp.Diff(array.want, array.got); array.want != nil && diff != "" {
				t.Errorf("case %d (%s) %s (-pycocotools +got):\n%s", i, v.Type, array.name, diff)
			}
			if sha := floatsSHA(array.got); sha != array.sha {
				t.Errorf("case %d (%s): %s has SHA-256 %s, pycocotools' %s; parameters %+v", i, v.Type, array.name, sha, array.sha, v.Params)
			}
		}
		stats, err := got.Stats()
		if err != nil {
			t.Fatal(err)
		}
		if stats.Values() != v.Stats {
			t.Errorf("case %d (%s): stats\n got %v\nwant %v", i, v.Type, stats.Values(), v.Stats)
		}
		if stats.String() != v.Printed {
			t.Errorf("case %d: printed\n%swant\n%s", i, stats, v.Printed)
		}
	}
}

func floatsSHA(values []float64) string {
	h := sha256.New()
	if err := binary.Write(h, binary.LittleEndian, values); err != nil {
		panic(err) // a hash takes everything
	}
	return hex.EncodeToString(h.Sum(nil))
}
