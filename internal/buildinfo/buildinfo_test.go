package buildinfo

import (
	"runtime/debug"
	"testing"
)

func TestVersion(t *testing.T) {
	revision := debug.BuildSetting{Key: "vcs.revision", Value: "0123abc"}
	for _, c := range []struct {
		module   string
		settings []debug.BuildSetting
		want     string
	}{
		{"v1.2.3", nil, "v1.2.3"},
		{"v0.0.0-20260101000000-0123abc+dirty", []debug.BuildSetting{revision, {Key: "vcs.modified", Value: "true"}}, "v0.0.0-20260101000000-0123abc+dirty"},
		{"(devel)", []debug.BuildSetting{revision, {Key: "vcs.modified", Value: "false"}}, "0123abc"},
		{"(devel)", []debug.BuildSetting{{Key: "vcs.modified", Value: "true"}, revision}, "0123abc+modified"},
		{"(devel)", nil, "devel"},
		{"", nil, "devel"},
	} {
		info := &debug.BuildInfo{Main: debug.Module{Version: c.module}, Settings: c.settings}
		if got := version(info); got != c.want {
			t.Errorf("module %q, %v: %q, want %q", c.module, c.settings, got, c.want)
		}
	}
}
