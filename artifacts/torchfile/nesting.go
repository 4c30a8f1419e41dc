package torchfile

import "fmt"

// nesting walks through what a pickle gave. Values that are shared are walked each
// time, so that a few bytes can stand for a walk that never ends.
type nesting struct{ steps int }

func (n *nesting) walk(v any, depth int) error {
	if n.steps++; n.steps > maxValues {
		return fmt.Errorf("the pickle is an object of more than %d values, most of them shared", int(maxValues))
	}
	if depth > maxDepth {
		return fmt.Errorf("the pickle is nested more than %d deep, or holds itself", maxDepth)
	}
	switch v := v.(type) {
	case Tuple:
		return n.walkAll(v, depth)
	case *List:
		return n.walkAll(v.Items, depth)
	case *Dict:
		if err := n.walkAll(v.keys, depth); err != nil {
			return err
		}
		return n.walkAll(v.values, depth)
	}
	return nil
}

func (n *nesting) walkAll(items []any, depth int) error {
	for _, item := range items {
		if err := n.walk(item, depth+1); err != nil {
			return err
		}
	}
	return nil
}
