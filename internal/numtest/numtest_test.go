package numtest

import (
	"math"
	"testing"
)

func TestCompare(t *testing.T) {
	inf, nan := math.Inf(1), math.NaN()
	for _, c := range []struct {
		name      string
		got, want []float64
		tol       float64
		ok        bool
	}{
		{"equal", []float64{1, -2}, []float64{1, -2}, 0, true},
		{"within, relative to the largest", []float64{1, 100.5}, []float64{0.5, 100}, 0.01, true},
		{"zeros for small numbers", []float64{0, 0}, []float64{1e-9, -2e-9}, 1e-5, false},
		{"small numbers within", []float64{1e-9, -2e-9}, []float64{1.00001e-9, -2e-9}, 1e-5, true},
		{"small numbers for zeros", []float64{1e-9}, []float64{0}, 1e-5, false},
		{"a zero beside a large entry", []float64{1e-9, 1}, []float64{0, 1}, 1e-8, true},
		{"beyond", []float64{1, 100.5}, []float64{1, 100}, 0.001, false},
		{"lengths", []float64{1}, []float64{1, 1}, 1, false},
		{"nan against a number", []float64{nan}, []float64{0}, 1, false},
		{"nan against nan", []float64{nan}, []float64{nan}, 1, false},
		{"number against nan", []float64{0}, []float64{nan}, 1, false},
		{"infinities", []float64{inf, -inf}, []float64{inf, -inf}, 0, true},
		{"opposite infinities", []float64{inf}, []float64{-inf}, 1, false},
		{"an infinity does not stretch the scale", []float64{inf, 2}, []float64{inf, 1}, 0.1, false},
		{"infinity against a number", []float64{inf}, []float64{1}, 1, false},
	} {
		if err := Compare(c.got, c.want, c.tol); (err == nil) != c.ok {
			t.Errorf("%s: got error %v, want ok %v", c.name, err, c.ok)
		}
	}
}

func TestToleranceOfUnknownPanics(t *testing.T) {
	if got := Tolerance("int64", Moved); got != 0 {
		t.Errorf("moved elements have tolerance %g, want 0", got)
	}
	defer func() {
		if recover() == nil {
			t.Error("a tolerance that is not in the table did not panic")
		}
	}()
	Tolerance("int64", Summed)
}
