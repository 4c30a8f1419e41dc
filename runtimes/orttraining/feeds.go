package orttraining

/*
#include "api.h"
*/
import "C"

import (
	"fmt"
	"maps"
	"slices"

	"pmx/onnxgraph"
)

// runFeeds lends the feeds in the order of the inputs, calls run, which has the
// library allocate the outputs, and copies those.
func (l *Library) runFeeds(inputs, outputs []string, feeds map[string]*onnxgraph.Tensor, run func(in, out []C.handle) C.status) (map[string]*onnxgraph.Tensor, error) {
	if err := checkNames(inputs, feeds); err != nil {
		return nil, err
	}
	in, out := make([]C.handle, len(inputs)), make([]C.handle, len(outputs))
	for i, name := range inputs {
		v, err := l.NewValue(feeds[name])
		if err != nil {
			return nil, fmt.Errorf("input %s: %w", name, err)
		}
		defer v.Close()
		in[i] = v.value
	}
	if err := l.check(run(in, out)); err != nil {
		for i := range out { // none, as far as is known
			release(l.api, C.ReleaseValue, &out[i])
		}
		return nil, err
	}
	results := make(map[string]*onnxgraph.Tensor, len(outputs))
	var first error
	for i, name := range outputs { // all of them, for each is to be released
		t, err := l.take(out[i])
		if err != nil && first == nil {
			first = fmt.Errorf("output %s: %w", name, err)
		}
		results[name] = t
	}
	return results, first
}

// checkNames wants a feed for each input and none besides.
func checkNames(inputs []string, feeds map[string]*onnxgraph.Tensor) error {
	for _, name := range inputs {
		if feeds[name] == nil {
			return fmt.Errorf("input %s is not fed: want %v", name, inputs)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(feeds)) {
		if !slices.Contains(inputs, name) {
			return fmt.Errorf("there is no input %s: want %v", name, inputs)
		}
	}
	return nil
}
