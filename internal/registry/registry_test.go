package registry_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pmx/internal/registry"
)

func colours() *registry.Registry[int] {
	r := registry.New[int]("paint", "colour")
	r.Add("red", 1)
	r.Add("green", 2)
	r.Add("ultramarine", 3)
	return r
}

func TestLookup(t *testing.T) {
	got, err := colours().Lookup("green")
	if err != nil || got != 2 {
		t.Fatalf("Lookup(green) = %d, %v; want 2, nil", got, err)
	}
}

func TestUnknownNames(t *testing.T) {
	for name, want := range map[string]string{
		"gren":         `paint: unknown colour "gren", did you mean "green"? (known: green, red, ultramarine)`,
		"erd":          `paint: unknown colour "erd", did you mean "red"? (known: green, red, ultramarine)`,
		"Ultramairne":  `paint: unknown colour "Ultramairne", did you mean "ultramarine"? (known: green, red, ultramarine)`,
		"ultra":        `paint: unknown colour "ultra", did you mean "ultramarine"? (known: green, red, ultramarine)`,
		"violet-black": `paint: unknown colour "violet-black" (known: green, red, ultramarine)`,
		"":             `paint: unknown colour "" (known: green, red, ultramarine)`,
	} {
		if _, err := colours().Lookup(name); err == nil || err.Error() != want {
			t.Errorf("Lookup(%q):\n got %v\nwant %s", name, err, want)
		}
	}
	if _, err := registry.New[int]("paint", "colour").Lookup("red"); err == nil || !strings.Contains(err.Error(), "(known: none)") {
		t.Errorf("an empty registry says %v", err)
	}
}

func TestAddPanics(t *testing.T) {
	for _, name := range []string{"red", ""} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("Add(%q) did not panic", name)
				}
			}()
			colours().Add(name, 9)
		}()
	}
}

func TestAllIsSorted(t *testing.T) {
	var names []string
	for name, v := range colours().All() {
		if got, _ := colours().Lookup(name); got != v {
			t.Errorf("All yields %d for %s, Lookup %d", v, name, got)
		}
		names = append(names, name)
	}
	if want := []string{"green", "red", "ultramarine"}; !slices.Equal(names, want) {
		t.Errorf("All yields %v, want %v", names, want)
	}
	for name := range colours().All() { // stopping early is allowed
		if name != "green" {
			t.Errorf("first is %s", name)
		}
		break
	}
}

func Example() {
	greetings := registry.New[string]("polite", "greeting")
	greetings.Add("hello", "Hello!")
	greetings.Add("bye", "Good bye!")

	fmt.Println(greetings.Names())
	_, err := greetings.Lookup("helo")
	fmt.Println(err)
	// Output:
	// [bye hello]
	// polite: unknown greeting "helo", did you mean "hello"? (known: bye, hello)
}
