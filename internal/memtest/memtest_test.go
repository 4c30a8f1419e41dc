package memtest

import (
	"syscall"
	"testing"
)

// recorder is a test that may fail.
type recorder struct {
	testing.TB
	failed bool
}

func (r *recorder) Helper()               {}
func (r *recorder) Logf(string, ...any)   {}
func (r *recorder) Errorf(string, ...any) { r.failed = true }

// TestGrows loses a mapping of 1 MiB in each run, and gives it back.
func TestGrows(t *testing.T) {
	for _, lost := range []bool{true, false} {
		r := &recorder{TB: t}
		Grows(r, 256<<10, func() {
			m, err := syscall.Mmap(-1, 0, 1<<20, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
			if err != nil {
				t.Fatal(err)
			}
			for i := range m {
				m[i] = 1
			}
			if lost {
				t.Cleanup(func() { syscall.Munmap(m) })
			} else if err := syscall.Munmap(m); err != nil {
				t.Fatal(err)
			}
		})
		if r.failed != lost {
			t.Errorf("memory is lost: %t, said to be: %t", lost, r.failed)
		}
	}
}
