package memory

import (
	"runtime"
	"testing"
	"testing/fstest"
)

const gib = 1 << 30

func TestLimit(t *testing.T) {
	const meminfo = "MemTotal:       16777216 kB\nMemFree:  1 kB\nSwapTotal:       1048576 kB\n" // 16 and 1 GiB
	for name, c := range map[string]struct {
		files map[string]string
		want  int64
	}{
		"nothing told": {nil, 0},
		"no container": {map[string]string{"proc/meminfo": meminfo}, 17 * gib},
		"version 2": {map[string]string{"proc/meminfo": meminfo, "proc/self/cgroup": "0::/a/b\n",
			"sys/fs/cgroup/a/b/memory.max": "max\n", "sys/fs/cgroup/a/memory.max": "4294967296\n"}, 5 * gib},
		"version 2, seen from inside": {map[string]string{"proc/meminfo": meminfo, "proc/self/cgroup": "0::/../outside\n",
			"sys/fs/cgroup/memory.max": "2147483648\n"}, 3 * gib},
		"version 1": {map[string]string{"proc/meminfo": meminfo, "proc/self/cgroup": "4:memory:/x\n3:cpu,cpuacct:/x\n0::/\n",
			"sys/fs/cgroup/memory/x/memory.limit_in_bytes": "1073741824", "sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712",
			"sys/fs/cgroup/cpu/x/memory.limit_in_bytes": "1"}, 2 * gib},
		"more than there is": {map[string]string{"proc/meminfo": meminfo, "proc/self/cgroup": "0::/\n", "sys/fs/cgroup/memory.max": "99999999999"}, 17 * gib},
	} {
		root := fstest.MapFS{}
		for path, text := range c.files {
			root[path] = &fstest.MapFile{Data: []byte(text)}
		}
		if got := limit(root); got != c.want {
			t.Errorf("%s: %d bytes, want %d", name, got, c.want)
		}
	}
}

// TestLimitHere: on Linux there is a limit, above what this process has.
func TestLimitHere(t *testing.T) {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	if n := Limit(); runtime.GOOS == "linux" && n < int64(m.Sys) {
		t.Errorf("limit %d, in use %d", n, m.Sys)
	}
}

func TestHuman(t *testing.T) {
	for n, want := range map[int64]string{0: "0 B", 1023: "1023 B", 1536: "1.5 KiB", 3 << 30: "3.0 GiB", 2048 << 40: "2048.0 TiB"} {
		if got := Human(n); got != want {
			t.Errorf("Human(%d) = %s, want %s", n, got, want)
		}
	}
}
