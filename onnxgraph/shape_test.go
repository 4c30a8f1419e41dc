package onnxgraph_test

import (
	"math"
	"testing"

	"pgregory.net/rapid"

	"pmx/onnxgraph"
)

const dyn = onnxgraph.Dynamic

func TestBroadcast(t *testing.T) {
	cases := []struct{ a, b, want onnxgraph.Shape }{
		{nil, nil, onnxgraph.Shape{}},
		{onnxgraph.Shape{2, 3}, nil, onnxgraph.Shape{2, 3}},
		{onnxgraph.Shape{2, 3}, onnxgraph.Shape{2, 3}, onnxgraph.Shape{2, 3}},
		{onnxgraph.Shape{2, 3}, onnxgraph.Shape{3}, onnxgraph.Shape{2, 3}},
		{onnxgraph.Shape{2, 1}, onnxgraph.Shape{1, 3}, onnxgraph.Shape{2, 3}},
		{onnxgraph.Shape{4, 1, 3}, onnxgraph.Shape{2, 1}, onnxgraph.Shape{4, 2, 3}},
		{onnxgraph.Shape{0}, onnxgraph.Shape{1}, onnxgraph.Shape{0}},
		{onnxgraph.Shape{dyn, 3}, onnxgraph.Shape{1}, onnxgraph.Shape{dyn, 3}},
		{onnxgraph.Shape{dyn}, onnxgraph.Shape{5}, onnxgraph.Shape{5}},
		{onnxgraph.Shape{dyn}, onnxgraph.Shape{dyn}, onnxgraph.Shape{dyn}},
		{onnxgraph.Shape{dyn}, onnxgraph.Shape{2, 1}, onnxgraph.Shape{2, dyn}},
		{onnxgraph.Shape{2, 3}, onnxgraph.Shape{2, 4}, nil},
		{onnxgraph.Shape{2}, onnxgraph.Shape{0}, nil},
	}
	for _, c := range cases {
		for _, pair := range [][2]onnxgraph.Shape{{c.a, c.b}, {c.b, c.a}} {
			got, err := onnxgraph.Broadcast(pair[0], pair[1])
			if (err != nil) != (c.want == nil) || err == nil && !got.Equal(c.want) {
				t.Errorf("%v with %v gives %v, %v; want %v", pair[0], pair[1], got, err, c.want)
			}
		}
	}
	_, err := onnxgraph.Broadcast(onnxgraph.Shape{2, 3}, onnxgraph.Shape{4})
	if want := "shapes [2 3] and [4] do not broadcast: dimension 1 is 3 and 4"; err == nil || err.Error() != want {
		t.Errorf("the error is %v, want %s", err, want)
	}
}

// TestBroadcastLaws: commutative, and the result is a fixed point.
func TestBroadcastLaws(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		draw := func(label string) onnxgraph.Shape {
			return rapid.SliceOfN(rapid.SampledFrom([]int{0, 1, 2, dyn}), 0, 3).Draw(t, label)
		}
		a, b := draw("a"), draw("b")
		ab, errA := onnxgraph.Broadcast(a, b)
		ba, errB := onnxgraph.Broadcast(b, a)
		if (errA == nil) != (errB == nil) || !ab.Equal(ba) {
			t.Fatalf("%v with %v gives %v, %v the other way", a, b, ab, ba)
		}
		if errA != nil {
			return
		}
		if again, err := onnxgraph.Broadcast(ab, a); err != nil || !again.Equal(ab) {
			t.Fatalf("%v with %v gives %v, which with %v gives %v, %v", a, b, ab, a, again, err)
		}
	})
}

func TestShape(t *testing.T) {
	cases := []struct {
		shape  onnxgraph.Shape
		size   int
		static bool
		text   string
	}{
		{nil, 1, true, "[]"},
		{onnxgraph.Shape{2, 3}, 6, true, "[2 3]"},
		{onnxgraph.Shape{2, 0, 3}, 0, true, "[2 0 3]"},
		{onnxgraph.Shape{dyn, 3}, dyn, false, "[? 3]"},
	}
	for _, c := range cases {
		if c.shape.Size() != c.size || c.shape.Static() != c.static || c.shape.String() != c.text {
			t.Errorf("%v: size %d, static %v; want %d, %v, %s", c.shape, c.shape.Size(), c.shape.Static(), c.size, c.static, c.text)
		}
		clone := c.shape.Clone()
		if !clone.Equal(c.shape) || len(clone.Int64()) != len(c.shape) {
			t.Errorf("%v clones to %v", c.shape, clone)
		}
		if len(clone) > 0 {
			if clone[0] = 99; c.shape[0] == 99 {
				t.Error("a clone shares its dimensions")
			}
		}
	}
}

func TestFits(t *testing.T) {
	for _, c := range []struct {
		a, b onnxgraph.Shape
		want bool
	}{
		{nil, onnxgraph.Shape{}, true}, {onnxgraph.Shape{2, 3}, onnxgraph.Shape{2, 3}, true}, {onnxgraph.Shape{2, 3}, onnxgraph.Shape{2, 1}, false},
		{onnxgraph.Shape{dyn, 3}, onnxgraph.Shape{2, 3}, true}, {onnxgraph.Shape{dyn, 3}, onnxgraph.Shape{2, dyn}, true},
		{onnxgraph.Shape{dyn, 3}, onnxgraph.Shape{2, 4}, false}, {onnxgraph.Shape{dyn}, nil, false}, {onnxgraph.Shape{dyn, dyn}, onnxgraph.Shape{dyn}, false},
	} {
		if c.a.Fits(c.b) != c.want || c.b.Fits(c.a) != c.want {
			t.Errorf("%v fits %v: %v, %v; want %v", c.a, c.b, c.a.Fits(c.b), c.b.Fits(c.a), c.want)
		}
	}
}

func TestCheckedSize(t *testing.T) {
	for _, c := range []struct {
		dims  []int64
		limit int64
		want  int
	}{
		{nil, 10, 1}, {[]int64{2, 5}, 10, 10}, {[]int64{0, math.MaxInt64}, 10, 0}, {[]int64{math.MaxInt64, 0}, 10, -1}, {[]int64{math.MaxInt64, 0}, math.MaxInt64, 0},
		{[]int64{2, 6}, 10, -1}, {[]int64{-1}, 10, -1}, {[]int64{1 << 32, 1 << 32}, math.MaxInt64, -1}, {[]int64{3, 0, 5}, 10, 0},
	} {
		got, err := onnxgraph.CheckedSize(c.dims, c.limit)
		if (err != nil) != (c.want < 0) || err == nil && got != c.want {
			t.Errorf("%v under %d: %d, %v; want %d", c.dims, c.limit, got, err, c.want)
		}
	}
}
