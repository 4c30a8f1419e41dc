package ortapi

import (
	"debug/elf"
	"debug/macho"
	"runtime"
	"strings"
)

// platformOf is what a library is for, as in linux/arm64, or "" where that is not
// plain: a loader's own words for another's library are "no such file" and the like.
func platformOf(path string) string {
	if f, err := elf.Open(path); err == nil {
		defer f.Close()
		switch f.Machine {
		case elf.EM_X86_64:
			return "linux/amd64"
		case elf.EM_AARCH64:
			return "linux/arm64"
		}
		return "linux/" + strings.ToLower(strings.TrimPrefix(f.Machine.String(), "EM_"))
	}
	if f, err := macho.Open(path); err == nil {
		defer f.Close()
		switch f.Cpu {
		case macho.CpuAmd64:
			return "darwin/amd64"
		case macho.CpuArm64:
			return "darwin/arm64"
		}
	}
	return ""
}

// thisPlatform is the machine's.
const thisPlatform = runtime.GOOS + "/" + runtime.GOARCH
