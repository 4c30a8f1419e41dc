package coco

import (
	"bytes"
	"context"
	"testing"
)

// syntheticCase is a dataset with detections, read back from its files.
func syntheticCase(tb testing.TB, s Synthetic) (*Dataset, Results) {
	tb.Helper()
	var gt, dt bytes.Buffer
	if err := s.WriteDataset(&gt); err != nil {
		tb.Fatal(err)
	}
	if err := s.WriteResults(&dt); err != nil {
		tb.Fatal(err)
	}
	d, err := ReadDataset(&gt, ReadOptions{})
	if err != nil {
		tb.Fatal(err)
	}
	results, err := ReadResults(&dt, ReadOptions{})
	if err != nil {
		tb.Fatal(err)
	}
	return d, results
}

func benchmarkScore(b *testing.B, typ IoUType, p Params) {
	s := DefaultSynthetic()
	s.Images, s.Masks = 500, typ == Segm
	d, results := syntheticCase(b, s)
	e, err := NewEvaluator(d, p)
	if err != nil {
		b.Fatal(err)
	}
	if err := e.Add(results); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := e.Evaluate(context.Background(), typ); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(results)), "ns/detection")
}

// testdata/bench_peers.py compares the same with pycocotools and
// faster-coco-eval.
func BenchmarkScoreBBox(b *testing.B) { benchmarkScore(b, BBox, Params{}) }
func BenchmarkScoreSegm(b *testing.B) { benchmarkScore(b, Segm, Params{}) }
func BenchmarkScoreBBoxAgnostic(b *testing.B) {
	benchmarkScore(b, BBox, Params{CategoryAgnostic: true})
}
