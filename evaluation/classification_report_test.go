package evaluation

import (
	"encoding/json"
	"math"
	"reflect"
	"testing"
)

// TestClassificationReport counts eight images by hand.
func TestClassificationReport(t *testing.T) {
	c := NewClassification(3)
	cat, dog, owl := []float32{2, 1, 0}, []float32{0, 2, 1}, []float32{0, 1, 2}
	for _, image := range []struct {
		logits []float32
		class  int
	}{{cat, 0}, {cat, 0}, {dog, 0}, {cat, 1}, {cat, 1}, {dog, 1}, {owl, 0}, {dog, 0}} {
		if err := c.Count(image.logits, image.class); err != nil {
			t.Fatal(err)
		}
	}
	r := c.Report([]string{"cat", "dog"})
	if r.Images != 8 || r.Top1 != 37.5 || r.Top5 != 100 || math.Abs(r.StandardError-100*math.Sqrt(.375*.625/8)) > 1e-12 ||
		r.MajorityClass != "cat" || r.Majority != 62.5 {
		t.Errorf("report %+v", r)
	}
	want := "[{\"name\":\"cat\",\"images\":5,\"recall\":40,\"precision\":50},{\"name\":\"dog\",\"images\":3,\"recall\":33,\"precision\":33},{\"name\":\"2\",\"images\":0,\"recall\":null,\"precision\":0}]"
	for _, class := range r.Classes {
		for _, v := range []*float64{class.Recall, class.Precision} {
			if v != nil {
				*v = math.Floor(*v)
			}
		}
	}
	if got, err := json.Marshal(r.Classes); err != nil || string(got) != want {
		t.Errorf("classes %s, %v, want %s", got, err, want)
	}
	if got, want := r.Mistakes(2), []Mistake{{"cat", "dog", 2}, {"dog", "cat", 2}}; !reflect.DeepEqual(got, want) {
		t.Errorf("mistakes %v, want %v", got, want)
	}
	// A third of 1: log(e² + e + 1) - 2.
	one := NewClassification(3)
	if err := one.Count(cat, 0); err != nil {
		t.Fatal(err)
	}
	if got := *one.Report(nil).Loss; math.Abs(got-0.40760596444438) > 1e-6 {
		t.Errorf("loss %.10f", got)
	}
	if err := one.Count(cat, 3); err != nil { // a class that the classifier does not know
		t.Fatal(err)
	}
	if r := one.Report(nil); r.Loss != nil || len(r.Classes) != 4 || r.Top1 != 50 {
		t.Errorf("report %+v", r)
	}
}
