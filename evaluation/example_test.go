package evaluation_test

import (
	"context"
	"fmt"

	"pmx/evaluation"
)

// Two of the three images nearest to the second query are of class 0, with
// cosines .936 and .8, but the nearest, .96, is of class 1 and outweighs them:
// e^(.96/τ) = 904,000, e^(.936/τ) + e^(.8/τ) = 733,000.
func ExampleKNN() {
	bank := &evaluation.Features{Dim: 2, Labels: []int{0, 0, 1, 1},
		Data: []float32{1, 0, .96, .28, 0, 1, .6, .8}}
	queries := &evaluation.Features{Dim: 2, Labels: []int{0, 1},
		Data: []float32{.8, -.6, .8, .6}}
	result, err := evaluation.KNN{K: []int{3}}.Evaluate(context.Background(), bank, queries)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("k=%d: top-1 %.0f%%\n", result[0].K, 100*result[0].Top1)
	// Output: k=3: top-1 100%
}
