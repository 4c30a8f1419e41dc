package ortapi

import (
	"encoding/binary"
	"os"
	"path/filepath"
	"runtime"
	"testing"
)

// TestLoadForeign: a library of another platform is told as what it is.
func TestLoadForeign(t *testing.T) {
	// The header of an ELF file of 64 bits, little-endian, for a shared library.
	elf := func(machine uint16) []byte {
		h := make([]byte, 64)
		copy(h, "\x7fELF\x02\x01\x01")
		binary.LittleEndian.PutUint16(h[16:], 3)
		binary.LittleEndian.PutUint16(h[18:], machine)
		binary.LittleEndian.PutUint32(h[20:], 1)
		binary.LittleEndian.PutUint16(h[52:], 64)
		return h
	}
	macho := make([]byte, 32) // of 64 bits
	for i, v := range []uint32{0xfeedfacf, 0x0100000c, 0, 6} {
		binary.LittleEndian.PutUint32(macho[4*i:], v)
	}
	here := runtime.GOOS + "/" + runtime.GOARCH
	for want, data := range map[string][]byte{
		"linux/arm64": elf(183), "linux/amd64": elf(62), "linux/riscv": elf(243), "darwin/arm64": macho,
	} {
		if want == here {
			continue
		}
		path := filepath.Join(t.TempDir(), "x.so")
		if err := os.WriteFile(path, data, 0o666); err != nil {
			t.Fatal(err)
		}
		says := path + ": a library for " + want + ", and this machine is " + here
		if _, err := Load(path); err == nil || err.Error() != says {
			t.Errorf("error %v, want %s", err, says)
		}
	}
}
