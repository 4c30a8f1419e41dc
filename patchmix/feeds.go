package patchmix

import "fmt"

// The names of a batch's feeds, which are those of the step file's inputs.
const (
	View1  = "view1"
	View2  = "view2"
	Mixed1 = "mixed1"
	Mixed2 = "mixed2"

	TargetSource    = "target_source"
	TargetMixSource = "target_mix_source"
	TargetMixMix    = "target_mix_mix"
)

// Local is the feed of local crop i.
func Local(i int) string { return fmt.Sprintf("local%d", i) }

// LocalMixed is the feed of local crop i mixed with its siblings of the batch.
func LocalMixed(i int) string { return Local(i) + "_mixed" }

// viewName is what view i of ViewsConfig.list is called in a batch.
func viewName(i int) string {
	if i < 2 {
		return [...]string{View1, View2}[i]
	}
	return Local(i - 2)
}

// mixedName is what view i is called when mixed.
func mixedName(i int) string {
	if i < 2 {
		return [...]string{Mixed1, Mixed2}[i]
	}
	return LocalMixed(i - 2)
}
