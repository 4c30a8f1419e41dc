package torchfile

import (
	"iter"
	"strings"
)

// What a pickle holds: nil, bool, int64, *big.Int, float64, string, []byte, Tuple,
// *List, *Dict, *Tensor, Global and *Object.

// Tuple is a Python tuple.
type Tuple []any

// List is a Python list, or a set.
type List struct{ Items []any }

// Dict is a Python dictionary in the order of its file, collections.OrderedDict too.
type Dict struct {
	keys, values []any
	index        map[string]int // of string keys
}

// Len is the number of entries.
func (d *Dict) Len() int { return len(d.keys) }

// Get finds the value of a string key.
func (d *Dict) Get(key string) (any, bool) {
	i, ok := d.index[key]
	if !ok {
		return nil, false
	}
	return d.values[i], true
}

// Set adds an entry, or replaces the one of an equal string key.
func (d *Dict) Set(key, value any) {
	name, isString := key.(string)
	if isString {
		if i, ok := d.index[name]; ok {
			d.values[i] = value
			return
		}
		if d.index == nil {
			d.index = map[string]int{}
		}
		d.index[name] = len(d.keys)
	}
	d.keys = append(d.keys, key)
	d.values = append(d.values, value)
}

// All yields the entries in the order of the file.
func (d *Dict) All() iter.Seq2[any, any] {
	return func(yield func(key, value any) bool) {
		for i, key := range d.keys {
			if !yield(key, d.values[i]) {
				return
			}
		}
	}
}

// Global is the name of a class or function of Python: torch.float32.
type Global struct{ Module, Name string }

func (g Global) String() string {
	return strings.Replace(g.Module, "__builtin__", "builtins", 1) + "." + g.Name // the module's name in Python 2
}

// Object is what a call of a class or function would have made. It is never called,
// and its attributes are not kept.
type Object struct{ Class string }
