package wheellib

import (
	"bytes"
	"cmp"
	"debug/elf"
	"fmt"
	"regexp"
	"slices"
)

// endbr64 may begin a function.
var endbr64 = []byte{0xf3, 0x0f, 0x1e, 0xfa}

// Lengths of instructions.
const (
	leaLength    = 7 // lea rax, [rip+disp32] = 48 8d 05 disp32
	leaRetLength = leaLength + 1
)

// versionText is what GetVersionString returns.
var versionText = regexp.MustCompile(`^1\.[0-9]{1,2}\.[0-9]$`)

// findAPIBase gives the address of the static OrtApiBase: two pointers side by
// side, filled in by relocations, to functions of which the second does nothing
// but return the address of a version.
func (im *image) findAPIBase(version string) (uint64, error) {
	pointers := im.relativePointers()
	var bases []uint64
	var found string
	for i := 1; i < len(pointers); i++ {
		getAPI, getVersion := pointers[i-1], pointers[i]
		if getVersion.slot != getAPI.slot+8 || !im.inText(getAPI.target, 1) {
			continue
		}
		if v := im.returnedVersion(getVersion.target); v != "" {
			bases = append(bases, getAPI.slot)
			found = v
		}
	}
	if len(bases) != 1 {
		return 0, fmt.Errorf("it has %d places like an OrtApiBase, not one", len(bases))
	}
	if found != version {
		return 0, fmt.Errorf("its version is %s", found)
	}
	return bases[0], nil
}

// pointer is a place of eight bytes that the loader fills with an address.
type pointer struct{ slot, target uint64 }

// relativePointers lists the module's pointers into itself by place.
func (im *image) relativePointers() []pointer {
	var list []pointer
	for rest := im.rela; len(rest) >= relaSize; rest = rest[relaSize:] {
		if elf.R_X86_64(le.Uint32(rest[8:])) == elf.R_X86_64_RELATIVE {
			list = append(list, pointer{le.Uint64(rest), le.Uint64(rest[16:])})
		}
	}
	slices.SortFunc(list, func(a, b pointer) int { return cmp.Compare(a.slot, b.slot) })
	return list
}

// returnedVersion gives the version whose address the function at va returns:
//
//	[endbr64] lea rax, [rip+disp]; ret
//
// "" if it does anything else.
func (im *image) returnedVersion(va uint64) string {
	if im.inText(va, 4) && bytes.Equal(im.at(va, 4), endbr64) {
		va += 4
	}
	if !im.inText(va, leaRetLength) {
		return ""
	}
	code := im.at(va, leaRetLength)
	if code == nil || code[0] != 0x48 || code[1] != 0x8d || code[2] != 0x05 || code[7] != 0xc3 {
		return ""
	}
	target := va + leaLength + uint64(int64(int32(le.Uint32(code[3:]))))
	for n := uint64(len("1.1.1")); n <= uint64(len("1.11.1")); n++ {
		if s := im.at(target, n+1); s != nil && s[n] == 0 && versionText.Match(s[:n]) {
			return string(s[:n])
		}
	}
	return ""
}
