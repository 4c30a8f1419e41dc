package runtimelib

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

// TestFindOrder: flag, then environment, then cache, then the CUDA library.
func TestFindOrder(t *testing.T) {
	b := newBench(t, pip)
	_, err := b.Find(ORT, "")
	wantError(t, err, "ONNX Runtime 1.2.3 is not installed: run pmx runtime install,", "--ort-lib", "PMX_ORT_LIB")
	if !errors.Is(err, ErrNotInstalled) {
		t.Errorf("%v is not ErrNotInstalled", err)
	}
	_, err = b.Find(ORTCUDA, "")
	wantError(t, err, "run pmx runtime install --cuda,")

	find := func(explicit, wantSource string, wantKind Kind) {
		t.Helper()
		lib, err := b.Find(ORT, explicit)
		if err != nil || lib.Source != wantSource || lib.Kind != wantKind || !filepath.IsAbs(lib.Path) {
			t.Errorf("found %+v, error %v, want source %s of kind %s", lib, err, wantSource, string(wantKind))
		}
	}
	if _, err := b.Install(t.Context(), ORTCUDA); err != nil {
		t.Fatal(err)
	}
	find("", "pip onnxruntime-gpu==1.2.3", ORTCUDA)
	if _, err := b.Install(t.Context(), ORT); err != nil {
		t.Fatal(err)
	}
	find("", "pip onnxruntime==1.2.3", ORT)
	own := filepath.Join(b.dir, "own.so")
	if err := os.WriteFile(own, nil, 0o666); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PMX_ORT_LIB", own)
	find("", "PMX_ORT_LIB", ORT)
	find(own, "--ort-lib", ORT)

	_, err = b.Find(ORT, filepath.Join(b.dir, "absent.so"))
	wantError(t, err, "--ort-lib", "absent.so", "pmx runtime install")
	_, err = b.Find(ORT, b.dir)
	wantError(t, err, "--ort-lib", "not a file")
	t.Setenv("PMX_ORT_LIB", "absent.so")
	_, err = b.Find(ORT, "")
	wantError(t, err, "PMX_ORT_LIB", "absent.so")
}

// TestListOtherVersions: what another version of pmx installed is told apart.
func TestListOtherVersions(t *testing.T) {
	b := newBench(t, pip)
	if _, err := b.Install(t.Context(), ORT); err != nil {
		t.Fatal(err)
	}
	b.releases[0].version = "2.0.0"
	list, err := b.List()
	if err != nil || len(list) != 1 || list[0].Version != fakeVersion || list[0].Err == nil {
		t.Errorf("list %+v, error %v", list, err)
	}
	_, err = b.Find(ORT, "")
	wantError(t, err, "2.0.0 is not installed")
}

func TestParseKind(t *testing.T) {
	for _, k := range Kinds() {
		if got, err := ParseKind(string(k)); err != nil || got != k {
			t.Errorf("%s: %v, %v", string(k), got, err)
		}
		if k.InstallCommand() == "" || k.String() == string(k) || k.EnvVar() == "" {
			t.Errorf("%s is not described", string(k))
		}
	}
	_, err := ParseKind("torch")
	wantError(t, err, "torch", "ort-training-cuda")
}

func TestCacheFolder(t *testing.T) {
	t.Setenv("PMX_CACHE", "rel")
	in, err := NewInstaller()
	if err != nil {
		t.Fatal(err)
	}
	if want, _ := filepath.Abs("rel/runtimes"); in.Dir != want {
		t.Errorf("cache %s, want %s", in.Dir, want)
	}
	t.Setenv("PMX_CACHE", "")
	t.Setenv("XDG_CACHE_HOME", "")
	t.Setenv("HOME", "")
	_, err = NewInstaller()
	wantError(t, err, "PMX_CACHE")
}

// TestInstallCommand: another machine's library is not brought by a command for this one.
func TestInstallCommand(t *testing.T) {
	in := &Installer{goos: "linux", goarch: "amd64"}
	for want, rel := range map[string]release{
		"pmx runtime install --cuda":                              {kind: ORTCUDA, os: "linux", arch: "amd64"},
		"pmx runtime install ort-training --platform linux/arm64": {kind: ORTTraining, os: "linux", arch: "arm64"},
	} {
		if got := in.installCommand(rel); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}
