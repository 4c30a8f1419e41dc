// Package memory tells how much memory a process can have here.
package memory

import (
	"fmt"
	"io/fs"
	"os"
	"path"
	"strconv"
	"strings"
)

// Limit is the memory of the machine, or of the container if that has less, with swap,
// in bytes; 0 where the system does not tell. No more than this can ever be held.
func Limit() int64 { return limit(os.DirFS("/")) }

func limit(root fs.FS) int64 {
	main, swap := machine(root)
	if main == 0 {
		return 0
	}
	if c := container(root); c > 0 && c < main {
		main = c
	}
	return main + swap
}

// machine reads /proc/meminfo.
func machine(root fs.FS) (main, swap int64) {
	text, err := fs.ReadFile(root, "proc/meminfo")
	if err != nil {
		return 0, 0
	}
	for line := range strings.Lines(string(text)) {
		var kib int64
		if _, err := fmt.Sscanf(line, "MemTotal: %d kB", &kib); err == nil {
			main = kib << 10
		}
		if _, err := fmt.Sscanf(line, "SwapTotal: %d kB", &kib); err == nil {
			swap = kib << 10
		}
	}
	return main, swap
}

// container is the least limit of the control groups that this process is in, 0 without
// any. In a container, the group's path may be that of the machine outside: what is not
// there is passed over, up to the root, where the container's own group lies.
func container(root fs.FS) (least int64) {
	groups, err := fs.ReadFile(root, "proc/self/cgroup")
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(groups)) {
		fields := strings.SplitN(strings.TrimSpace(line), ":", 3) // number, controllers, path
		if len(fields) != 3 {
			continue
		}
		base, file := "sys/fs/cgroup", "memory.max" // version 2
		if fields[1] == "memory" {
			base, file = "sys/fs/cgroup/memory", "memory.limit_in_bytes"
		} else if fields[1] != "" {
			continue
		}
		for dir := path.Clean("/" + fields[2]); ; dir = path.Dir(dir) {
			text, err := fs.ReadFile(root, path.Join(base, dir, file))
			// "max" is no number, and no limit.
			if n, parseErr := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64); err == nil && parseErr == nil && n > 0 && (least == 0 || n < least) {
				least = n
			}
			if dir == "/" {
				break
			}
		}
	}
	return least
}

// Human is a size in the unit that suits it: 1.5 GiB.
func Human(n int64) string {
	const unit = 1024
	if n < unit {
		return fmt.Sprintf("%d B", n)
	}
	value, prefix := float64(n)/unit, 0
	for value >= unit && prefix < 3 {
		value, prefix = value/unit, prefix+1
	}
	return fmt.Sprintf("%.1f %ciB", value, "KMGT"[prefix])
}
