package evaluation

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
)

// TestSimilar compares with all cosines, sorted, whatever the blocks.
func TestSimilar(t *testing.T) {
	f := clusters(3, 90, 6, 8)
	copy(f.Row(40), f.Row(7)) // an exact copy, and one that is longer
	for i, v := range f.Row(7) {
		f.Row(41)[i] = 3 * v
	}
	s, err := NewSimilar(slices.Clone(f.Data), f.Dim)
	if err != nil {
		t.Fatal(err)
	}
	n, threshold := f.Len(), 0.8
	cosine := func(i, j int) float64 {
		var ab, aa, bb float64
		for k, v := range f.Row(i) {
			a, b := float64(v), float64(f.Row(j)[k])
			ab, aa, bb = ab+a*b, aa+a*a, bb+b*b
		}
		return ab / math.Sqrt(aa*bb)
	}
	for _, block := range []blockSize{defaultBlock, {7, 11}, {32, 90}, {1, 1}, {11, 7}} {
		for _, k := range []int{1, 5, 89, 1000} {
			t.Run(fmt.Sprint(block, k), func(t *testing.T) {
				s.block = block
				next := 0
				err := s.Neighbours(t.Context(), k, func(image int, near []Neighbour) error {
					if image != next || len(near) != min(k, n-1) {
						t.Fatalf("image %d, %d neighbours, want image %d", image, len(near), next)
					}
					next++
					var all []int
					for j := range n {
						if j != image {
							all = append(all, j)
						}
					}
					slices.SortFunc(all, func(a, b int) int { return cmp.Compare(cosine(image, b), cosine(image, a)) })
					for i, found := range near {
						if want := cosine(image, all[i]); found.Image == image || math.Abs(found.Cosine-want) > 1e-6 || math.Abs(cosine(image, found.Image)-want) > 1e-6 {
							t.Errorf("image %d, neighbour %d: %+v, want %d with %g", image, i, found, all[i], want)
						}
					}
					return nil
				})
				if err != nil || next != n {
					t.Errorf("%d images, error %v", next, err)
				}
			})
		}
		var got, want [][2]int
		if err := s.Duplicates(t.Context(), threshold, func(image int, earlier Neighbour) error {
			got = append(got, [2]int{image, earlier.Image})
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		for i := range n {
			for j := range i {
				if cosine(i, j) >= threshold {
					want = append(want, [2]int{i, j})
				}
			}
		}
		if !slices.Equal(got, want) || len(want) < 10 {
			t.Errorf("blocks %v: %d pairs, want %d", block, len(got), len(want))
		}
	}
	var exact [][2]int
	s.Duplicates(t.Context(), 1, func(image int, earlier Neighbour) error {
		exact = append(exact, [2]int{image, earlier.Image})
		return nil
	})
	if want := [][2]int{{40, 7}, {41, 7}, {41, 40}}; !slices.Equal(exact, want) {
		t.Errorf("exact copies %v, want %v", exact, want)
	}
	stop := errors.New("enough")
	if err := s.Neighbours(t.Context(), 1, func(int, []Neighbour) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("error %v", err)
	}
}

func TestSimilarErrors(t *testing.T) {
	if _, err := NewSimilar([]float32{1, 2, 3}, 2); err == nil {
		t.Error("3 numbers are rows of 2")
	}
	if _, err := NewSimilar([]float32{1, 2, float32(math.NaN()), 2}, 2); err == nil || !strings.Contains(err.Error(), "image 1 is not finite") {
		t.Errorf("NaN: error %v", err)
	}
	s, err := NewSimilar(slices.Repeat([]float32{1, 1}, 50), 2)
	if err != nil {
		t.Fatal(err)
	}
	s.maxPairs = 1000
	err = s.Duplicates(t.Context(), 0.5, func(int, Neighbour) error { return nil })
	if err == nil || !strings.Contains(err.Error(), "choose a higher threshold") {
		t.Errorf("1,225 pairs: error %v", err)
	}
	if s.Neighbours(t.Context(), 0, nil) == nil || s.Duplicates(t.Context(), 1.5, nil) == nil || s.Duplicates(t.Context(), math.NaN(), nil) == nil {
		t.Error("no neighbours, or a cosine of 1.5 or NaN")
	}
}
