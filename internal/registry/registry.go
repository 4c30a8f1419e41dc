// Package registry is the one mechanism behind the project's self-registered
// seams: operators, methods, runtimes, datasets and commands. A file that adds
// an entry registers it in a package-level variable, so nothing else changes:
//
//	var datasets = registry.New[Opener]("images", "dataset")
//
//	var _ = datasets.Add("cifar10", openCIFAR10)
//
// Tests range over All, so a new entry is tested without a line added.
package registry

import (
	"fmt"
	"iter"
	"slices"
	"strings"
	"sync"
)

// Registry maps names to entries of one kind. It is safe for concurrent use.
type Registry[T any] struct {
	pkg, kind string

	mu      sync.RWMutex
	entries map[string]T
}

// New makes an empty registry. pkg and kind appear in its messages:
// `patchmix: unknown dataset "cifra10", ...`.
func New[T any](pkg, kind string) *Registry[T] {
	return &Registry[T]{pkg: pkg, kind: kind, entries: map[string]T{}}
}

// Add registers an entry and returns it, so that it can initialise a variable.
// It panics if the name is empty or taken: both are mistakes in the program.
func (r *Registry[T]) Add(name string, entry T) T {
	r.mu.Lock()
	defer r.mu.Unlock()
	if name == "" {
		panic(fmt.Sprintf("%s: a %s was registered without a name", r.pkg, r.kind))
	}
	if _, taken := r.entries[name]; taken {
		panic(fmt.Sprintf("%s: %s %q is registered twice", r.pkg, r.kind, name))
	}
	r.entries[name] = entry
	return entry
}

// Lookup finds an entry. The error for an unknown name lists the known ones and
// suggests the nearest if it is likely to be a slip.
func (r *Registry[T]) Lookup(name string) (T, error) {
	r.mu.RLock()
	entry, ok := r.entries[name]
	r.mu.RUnlock()
	if ok {
		return entry, nil
	}
	names := r.Names()
	var hint string
	if near := Nearest(name, names); near != "" {
		hint = fmt.Sprintf(", did you mean %q?", near)
	}
	known := strings.Join(names, ", ")
	if known == "" {
		known = "none"
	}
	var zero T
	return zero, fmt.Errorf("%s: unknown %s %q%s (known: %s)", r.pkg, r.kind, name, hint, known)
}

// Names lists what is registered, sorted.
func (r *Registry[T]) Names() []string {
	r.mu.RLock()
	defer r.mu.RUnlock()
	names := make([]string, 0, len(r.entries))
	for name := range r.entries {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// All yields the entries sorted by name.
func (r *Registry[T]) All() iter.Seq2[string, T] {
	return func(yield func(string, T) bool) {
		for _, name := range r.Names() {
			r.mu.RLock()
			entry := r.entries[name]
			r.mu.RUnlock()
			if !yield(name, entry) {
				return
			}
		}
	}
}
