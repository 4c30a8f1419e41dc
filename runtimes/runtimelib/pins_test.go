package runtimelib

import (
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"pmx/internal/require"
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
			hasLibrary, hasLicence, texts := false, false, 0
			for _, m := range s.members {
				hasLibrary = hasLibrary || m.to == rel.library
				hasLicence = hasLicence || m.to == "LICENSE"
				if strings.HasSuffix(m.to, ".so") || strings.HasSuffix(m.to, ".dylib") {
					checkPin(t, rel.name()+" "+m.from, m.sha256)
					checkPin(t, rel.name()+" "+m.to, m.installedSHA256())
				} else {
					texts++
				}
			}
			if !hasLibrary || !hasLicence || texts < 2 {
				t.Errorf("%s from %s: library %v, licence %v, %d texts", rel.name(), s.describe(rel.version), hasLibrary, hasLicence, texts)
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

// installReal installs a library for real, as a user would, into folder dir or, if
// that is "", the user's own. The package client takes it from the network the
// first time, then from its own cache.
func installReal(t *testing.T, kind Kind, dir string) Library {
	t.Helper()
	in, err := NewInstaller()
	if err != nil {
		t.Fatal(err)
	}
	if dir != "" {
		in.Dir = dir
	}
	in.Progress = func(line string) { t.Log(line) }
	if _, err := in.release(kind); err != nil {
		require.Missing(t, err)
	}
	lib, err := in.Install(t.Context(), kind)
	if _, ok := errors.AsType[*downloadError](err); ok {
		require.Missing(t, err)
	}
	if err != nil {
		t.Fatal(err)
	}
	list, err := in.List()
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(list, func(item Installed) bool { return item.Path == lib.Path })
	if i < 0 || list[i].Err != nil {
		t.Fatalf("list %+v", list)
	}
	// The text that goes beside the library of the npm package is this one.
	if text, err := os.ReadFile(filepath.Join(lib.Dir, "LICENSE")); err != nil || string(text) != ortLicence {
		t.Errorf("error %v, or the licence is not pmx's copy of it:\n%s", err, text)
	}
	return lib
}

func TestInstallRealORT(t *testing.T) {
	lib := installReal(t, ORT, "")
	if lib.Version != ortVersion || !slices.Contains(lib.Providers, "CPUExecutionProvider") {
		t.Errorf("library %+v", lib)
	}
	begin := time.Now()
	if again := installReal(t, ORT, ""); again.Path != lib.Path {
		t.Errorf("second time %+v", again)
	}
	if d := time.Since(begin); d > 10*time.Second {
		t.Errorf("the second installation took %v", d)
	}
}

// TestInstallRealTraining converts the real wheel and loads the result, in a new
// folder each time. It is the library of a pinned digest, byte for byte.
func TestInstallRealTraining(t *testing.T) {
	dir := t.TempDir()
	lib := installReal(t, ORTTraining, dir)
	if lib.Version != trainingVersion || !slices.Equal(lib.Providers, []string{"CPUExecutionProvider"}) {
		t.Errorf("library %+v", lib)
	}
	if filepath.Dir(lib.Dir) != dir {
		t.Errorf("library %+v is not in %s", lib, dir)
	}
	if !strings.HasPrefix(lib.Converted, "libonnxruntime.so is not a file of its makers: pmx converted it from their onnxruntime_pybind11_state.cpython-311") {
		t.Errorf("converted: %q", lib.Converted)
	}
}
