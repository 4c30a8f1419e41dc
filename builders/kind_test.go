package builders

import "testing"

// TestKindOf: of every method, names tell the kinds that the step says.
func TestKindOf(t *testing.T) {
	for _, method := range Methods() {
		for _, momentum := range []bool{false, true} {
			step, err := Build(Config{
				Method: method.Name, ImageSize: 8, PatchSize: 4, Dim: 8, Depth: 1, Heads: 2, MLPRatio: 2, ProjLayers: 2, PredLayers: 2,
				Hidden: 8, OutDim: 4, Batch: 4, MomentumEncoder: momentum, MixNum: IntSet{2},
			})
			if err != nil {
				t.Fatal(err)
			}
			seen := map[Kind]bool{}
			for _, s := range step.State {
				if seen[s.Kind] = true; KindOf(s.Name) != s.Kind {
					t.Errorf("%s: %s is %s, want %s", method.Name, s.Name, KindOf(s.Name), s.Kind)
				}
			}
			if !seen[KindParam] || !seen[KindMoment1] || !seen[KindMoment2] || !seen[KindCounter] || seen[KindEMA] != momentum {
				t.Errorf("%s, momentum encoder %t: kinds %v", method.Name, momentum, seen)
			}
		}
	}
}
