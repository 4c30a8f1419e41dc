package step

import "strings"

// KindOf guesses the role of a state tensor from its name, for readers of a checkpoint
// that an older pmx wrote, which holds names alone.
func KindOf(name string) Kind {
	root, _, _ := strings.Cut(name, ".")
	switch root {
	case string(Moment1), string(Moment2):
		return Kind(root)
	case "momentum_encoder":
		return EMA
	case CounterName:
		return Counter
	}
	return Param
}
