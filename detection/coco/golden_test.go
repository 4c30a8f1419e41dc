package coco

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"pmx/internal/require"
)

// cocoGolden is the folder of COCO's own example results with the official
// scores, beside the module. It is missing where the module alone was copied: the
// test is then skipped, but not in CI.
func cocoGolden(t testing.TB) string {
	t.Helper()
	root, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(root, "go.mod")); err == nil {
			break
		}
		if root == filepath.Dir(root) {
			t.Fatal("there is no go.mod above the test")
		}
		root = filepath.Dir(root)
	}
	dir := filepath.Join(root, "..", "shared", "data", "coco_eval_golden")
	if _, err := os.Stat(dir); err != nil {
		require.Missing(t, fmt.Errorf("COCO's official scores to compare with: %w", err))
	}
	return dir
}

// TestOfficialScores: every number equals that of pycocotools on COCO's example
// results, in all bits.
func TestOfficialScores(t *testing.T) {
	dir := cocoGolden(t)
	text, err := os.ReadFile(filepath.Join(dir, "expected_stats.json"))
	if err != nil {
		t.Fatal(err)
	}
	type expected struct {
		Stats         [12]float64         `json:"stats"`
		APPerCategory map[string]*float64 `json:"ap_per_category"`
		Results       int                 `json:"n_results"`
	}
	var want struct{ BBox, Segm expected }
	if err := json.Unmarshal(text, &want); err != nil {
		t.Fatal(err)
	}
	gt, err := OpenDataset(filepath.Join(dir, "instances_val2014_100.json"), ReadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		typ  IoUType
		file string
		want expected
	}{
		{BBox, "instances_val2014_fakebbox100_results.json", want.BBox},
		{Segm, "instances_val2014_fakesegm100_results.json", want.Segm},
	} {
		results, err := OpenResults(filepath.Join(dir, c.file), ReadOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if len(results) != c.want.Results {
			t.Errorf("%s: %d results, want %d", c.typ, len(results), c.want.Results)
		}
		got := score(t, gt, results, Params{}, c.typ)
		stats, err := got.Stats()
		if err != nil {
			t.Fatal(err)
		}
		if stats.Values() != c.want.Stats {
			t.Errorf("%s: stats\n got %v\nwant %v", c.typ, stats.Values(), c.want.Stats)
		}
		rows := got.PerCategory()
		if len(rows) != len(c.want.APPerCategory) {
			t.Errorf("%s: %d categories, want %d", c.typ, len(rows), len(c.want.APPerCategory))
		}
		for _, row := range rows {
			want := -1.
			if ap := c.want.APPerCategory[strconv.FormatInt(row.Category.ID, 10)]; ap != nil {
				want = *ap
			}
			if row.AP != want {
				t.Errorf("%s: AP of %s is %v, want %v", c.typ, row.Category.Name, row.AP, want)
			}
		}
	}
}

// score evaluates results.
func score(t testing.TB, gt *Dataset, results Results, p Params, typ IoUType) *Evaluation {
	t.Helper()
	e, err := NewEvaluator(gt, p)
	if err != nil {
		t.Fatal(err)
	}
	if err := e.Add(results); err != nil {
		t.Fatal(err)
	}
	out, err := e.Evaluate(context.Background(), typ)
	if err != nil {
		t.Fatal(err)
	}
	return out[0]
}
