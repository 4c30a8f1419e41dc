package wheellib

import "testing"

// TestGNUHash: values of the specification's examples.
func TestGNUHash(t *testing.T) {
	for name, want := range map[string]uint32{"": 0x1505, "printf": 0x156b2bb8, "exit": 0x7c967e3f, "syscall": 0xbac212a0} {
		if got := gnuHash(name); got != want {
			t.Errorf("%q: %#x, want %#x", name, got, want)
		}
	}
}
