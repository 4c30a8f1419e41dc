package builders

import "strings"

// KindOf is the role of the state tensor of a name, for readers of a checkpoint,
// which holds names alone.
func KindOf(name string) Kind {
	root, _, _ := strings.Cut(name, ".")
	switch root {
	case string(KindMoment1), string(KindMoment2):
		return Kind(root)
	case MomentumEncoder:
		return KindEMA
	case CounterName:
		return KindCounter
	}
	return KindParam
}
