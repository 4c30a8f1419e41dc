package runtimelib

import (
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"pmx/artifacts/wheellib/probe"
)

// TestPinsAreComplete: every library can be installed, found and checked.
func TestPinsAreComplete(t *testing.T) {
	names := map[string]bool{}
	for _, rel := range pins {
		if names[rel.name()] {
			t.Errorf("%s is pinned twice", rel.name())
		}
		names[rel.name()] = true
		if rel.licence == "" || len(rel.sources) == 0 {
			t.Errorf("%s lacks a licence or a source", rel.name())
		}
		for _, s := range rel.sources {
			checkPin(t, rel.name()+" archive", s.sha256)
			if (s.client == pip) != (s.platform != "" && s.python != "") {
				t.Errorf("%s: platform %q, python %q", rel.name(), s.platform, s.python)
			}
			hasLibrary, texts := false, 0
			for _, m := range s.members {
				hasLibrary = hasLibrary || m.to == rel.library
				if strings.HasSuffix(m.to, ".so") || strings.HasSuffix(m.to, ".dylib") {
					checkPin(t, rel.name()+" "+m.from, m.sha256)
					checkPin(t, rel.name()+" "+m.to, m.installedSHA256())
				} else {
					texts++
				}
			}
			if !hasLibrary || texts < 2 {
				t.Errorf("%s from %s: library %v, %d licence texts", rel.name(), s.describe(rel.version), hasLibrary, texts)
			}
		}
	}
	for _, k := range Kinds() {
		if !names[fmt.Sprintf("%s-%s-linux-amd64", string(k), versionOf(k))] {
			t.Errorf("%s is not pinned for linux/amd64", string(k))
		}
	}
}

func versionOf(k Kind) string {
	i := slices.IndexFunc(pins, func(r release) bool { return r.kind == k })
	if i < 0 {
		return ""
	}
	return pins[i].version
}

func checkPin(t *testing.T, what, sum string) {
	t.Helper()
	if b, err := hex.DecodeString(sum); err != nil || len(b) != 32 {
		t.Errorf("%s: %q is not a SHA-256", what, sum)
	}
}

// installReal installs a library for real, as a user would. The package client
// takes it from the network the first time.
func installReal(t *testing.T, kind Kind) Library {
	t.Helper()
	in, err := NewInstaller()
	if err != nil {
		t.Fatal(err)
	}
	in.Progress = func(line string) { t.Log(line) }
	if _, err := in.release(kind); err != nil {
		skipUnlessRequired(t, err.Error())
	}
	lib, err := in.Install(t.Context(), kind)
	if err != nil {
		skipUnlessRequired(t, err.Error())
	}
	list, err := in.List()
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(list, func(item Installed) bool { return item.Path == lib.Path })
	if i < 0 || list[i].Err != nil {
		t.Fatalf("list %+v", list)
	}
	for _, text := range []string{"LICENSE", "package.json"} {
		if _, err := os.Stat(filepath.Join(lib.Dir, text)); err == nil {
			return lib
		}
	}
	t.Error("the licence is missing")
	return lib
}

func TestInstallRealORT(t *testing.T) {
	lib := installReal(t, ORT)
	if lib.Version != ortVersion || !slices.Contains(lib.Providers, "CPUExecutionProvider") {
		t.Errorf("library %+v", lib)
	}
	begin := time.Now()
	if again := installReal(t, ORT); again.Path != lib.Path {
		t.Errorf("second time %+v", again)
	}
	if d := time.Since(begin); d > 10*time.Second {
		t.Errorf("the second installation took %v", d)
	}
}

// TestInstallRealTraining converts the real wheel and loads the result. It is
// the library of a pinned digest, byte for byte.
func TestInstallRealTraining(t *testing.T) {
	lib := installReal(t, ORTTraining)
	if lib.Version != trainingVersion || !slices.Equal(lib.Providers, []string{"CPUExecutionProvider"}) {
		t.Errorf("library %+v", lib)
	}
}

// TestEveryPin installs from each source of each release, also those for other
// machines, whose libraries are not loaded. Loading a CUDA library needs no
// CUDA device. Run it when pins change: it downloads almost a gigabyte.
func TestEveryPin(t *testing.T) {
	if os.Getenv("PMX_TEST_EVERY_PIN") == "" {
		t.Skip("set PMX_TEST_EVERY_PIN=1 to download every pinned package (0.9 GB)")
	}
	for _, rel := range pins {
		for _, s := range rel.sources {
			t.Run(rel.name()+" from "+string(s.client), func(t *testing.T) {
				only := rel
				only.sources = []source{s}
				in := Installer{Dir: t.TempDir(), goos: rel.os, goarch: rel.arch, releases: []release{only}, probe: probe.Load, convert: convert}
				if rel.os != runtime.GOOS || rel.arch != runtime.GOARCH {
					in.probe = func(string) (probe.Info, error) { return probe.Info{Version: rel.version}, nil }
				}
				lib, err := in.Install(t.Context(), rel.kind)
				if err != nil {
					t.Fatal(err)
				}
				list, err := in.List()
				if err != nil || len(list) != 1 || list[0].Err != nil {
					t.Errorf("list %+v, error %v", list, err)
				}
				t.Logf("%s: %d bytes, providers %v", lib.Source, lib.Size, lib.Providers)
			})
		}
	}
}

// skipUnlessRequired skips a test whose prerequisite is missing, but fails it
// in continuous integration.
func skipUnlessRequired(t *testing.T, reason string) {
	t.Helper()
	if os.Getenv("CI") == "true" || os.Getenv("PMX_REQUIRE_ALL") == "1" {
		t.Fatal(reason)
	}
	t.Skip(reason)
}
