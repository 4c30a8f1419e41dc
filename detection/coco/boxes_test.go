package coco

import (
	"math"
	"testing"

	"pgregory.net/rapid"
)

func TestBoxConventions(t *testing.T) {
	b := XYWH{10, 20, 30, 40}
	if got := b.XYXY(); got != (XYXY{10, 20, 40, 60}) {
		t.Errorf("corners %v", got)
	}
	if got := b.XYXY().XYWH(); got != b {
		t.Errorf("back again %v", got)
	}
	if b.Area() != 1200 || b.XYXY().Area() != 1200 {
		t.Errorf("areas %v and %v", b.Area(), b.XYXY().Area())
	}
}

func TestBoxIoUByHand(t *testing.T) {
	dt := []XYWH{{0, 0, 4, 2}}
	gt := []XYWH{{0, 0, 4, 2}, {2, 0, 4, 2}, {4, 0, 4, 2}, {0, 0, 4, 4}, {0, 0, 4, 4}}
	crowd := []bool{false, false, false, false, true}
	want := []float64{1, 4. / 12, 0, .5, 1} // a crowd's IoU is the share of the detection inside it
	for i, got := range BoxIoU(dt, gt, crowd) {
		if got != want[i] {
			t.Errorf("IoU with box %d is %v, want %v", i, got, want[i])
		}
	}
}

// TestBoxIoUHolds: IoU is symmetric, lies in [0, 1], is 1 for a box and itself,
// and does not change when everything is doubled.
func TestBoxIoUHolds(t *testing.T) {
	box := rapid.Custom(func(t *rapid.T) XYWH {
		at, side := rapid.Float64Range(-50, 50), rapid.Float64Range(.01, 50)
		return XYWH{at.Draw(t, "x"), at.Draw(t, "y"), side.Draw(t, "w"), side.Draw(t, "h")}
	})
	const tol = 1e-9 // a few roundings of numbers up to 100 beside areas down to 1e-4
	rapid.Check(t, func(t *rapid.T) {
		a, b := box.Draw(t, "a"), box.Draw(t, "b")
		iou := func(a, b XYWH) float64 { return BoxIoU([]XYWH{a}, []XYWH{b}, nil)[0] }
		double := func(b XYWH) XYWH { return XYWH{2 * b[0], 2 * b[1], 2 * b[2], 2 * b[3]} }
		ab := iou(a, b)
		if !(math.Abs(ab-iou(b, a)) <= tol) || !(ab >= 0 && ab <= 1+tol) || iou(double(a), double(b)) != ab || !(math.Abs(iou(a, a)-1) <= tol) {
			t.Errorf("IoU %v of %v and %v: reversed %v, doubled %v, with itself %v", ab, a, b, iou(b, a), iou(double(a), double(b)), iou(a, a))
		}
	})
}
