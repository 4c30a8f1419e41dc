package detection

// arena hands out long-lived copies of small values from large blocks, so that a
// million of them are a few thousand allocations.
type arena[T any] struct{ free []T }

const arenaBlock = 1 << 13

// clone returns a copy of v.
func (a *arena[T]) clone(v []T) []T {
	if len(v) > len(a.free) {
		if len(v) > arenaBlock/8 {
			return append([]T(nil), v...)
		}
		a.free = make([]T, arenaBlock)
	}
	c := a.free[:len(v):len(v)]
	a.free = a.free[len(v):]
	copy(c, v)
	return c
}
