package cuda

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pmx/internal/errtest"
	"pmx/runtimes/runtimelib"
)

func TestDriver(t *testing.T) {
	absent := filepath.Join(t.TempDir(), "libcuda.so.1")
	text := filepath.Join(t.TempDir(), "libcuda.so.1")
	if err := os.WriteFile(text, []byte("not a library\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	needed := compile(t, dir, "libnvidia-stand-in.so.1", "int f(void) { return 1; }")
	halved := compile(t, dir, "libcuda.so.1", driver, "-DINIT=0", "-DCOUNT=0", "-DDEVICES=1", needed)
	if err := os.Remove(needed); err != nil {
		t.Fatal(err)
	}
	other := compile(t, t.TempDir(), "libcuda.so.1", "int cuInit(unsigned flags) { return 0; }")
	for _, c := range []struct{ name, library, want string }{
		{"not there", absent, "no NVIDIA driver: " + absent + " is not on this machine"},
		{"no library", text, "the NVIDIA driver does not load: " + text},
		{"a part missing", halved, "the NVIDIA driver does not load: libnvidia-stand-in.so.1: cannot open"},
		{"another library", other, "is no NVIDIA driver: it has no cu"},
		{"no device by cuInit", compileDriver(t, "100", "3", "0"), "the NVIDIA driver finds no device"},
		{"no device by count", compileDriver(t, "0", "0", "0"), "the NVIDIA driver finds no device"},
		{"cuInit fails", compileDriver(t, "803", "3", "0"), "the NVIDIA driver fails: cuInit gives error 803 (driver and library differ)"},
		{"count fails", compileDriver(t, "0", "999", "1"), "the NVIDIA driver fails: cuDeviceGetCount gives error 999 ()"},
		{"a device", compileDriver(t, "0", "0", "1"), ""},
	} {
		err := checkDriver(c.library)
		if c.want == "" {
			if err != nil {
				t.Errorf("%s: %v", c.name, err)
			}
			continue
		}
		t.Run(c.name, func(t *testing.T) { errtest.OneLine(t, err, c.want) })
	}
}

var rounds int // of TestCheck, by -count

// TestCheck goes from a library for the CPU to a machine that has all.
func TestCheck(t *testing.T) {
	const kind = runtimelib.ORTTrainingCUDA
	remedy := []string{"cuda: ", "; --device cuda needs an NVIDIA driver, CUDA 11.8 ", "cuDNN 8; --device cpu runs without"}
	wantFault := func(err error, parts ...string) {
		t.Helper()
		errtest.OneLine(t, err, append(remedy, parts...)...)
	}
	dir := t.TempDir()
	library := compileRuntime(t, dir, withCUDA)
	absent, good := filepath.Join(dir, "libcuda.so.1"), compileDriver(t, "0", "0", "1")

	wantFault(check(kind, compileRuntime(t, t.TempDir(), withoutCUDA), good),
		"is built without the CUDA provider (it has CPUExecutionProvider): `pmx runtime install ort-training --cuda` installs one with it")
	errtest.OneLine(t, check(kind, filepath.Join(dir, "none.so"), good), "none.so", "`pmx runtime install ort-training --cuda` installs a library that fits")

	provider := filepath.Join(dir, providerName)
	wantFault(check(kind, library, good), provider+" is not there: it belongs beside the library")
	if err := os.WriteFile(provider, []byte("not a library\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	wantFault(check(kind, library, good), provider+" is no library: ")

	// A provider that needs the driver and two libraries, one of which needs a third.
	const nothing = "static int nothing;"
	// What a process has loaded it finds by name from then on, so the names are new.
	rounds++
	name := func(what string) string { return fmt.Sprintf("libstand-in-%s.so.%d", what, rounds) }
	link := compile(t, dir, name("link"), nothing)
	needed := []string{good, compile(t, dir, name("rt"), nothing), compile(t, dir, name("fft"), nothing, link)}
	compile(t, dir, providerName, nothing, needed...)
	wantFault(check(kind, library, absent), "no NVIDIA driver: "+absent+" is not on this machine; "+
		"the loader does not find "+name("rt")+", "+name("fft")+": install CUDA")

	// The provider names folders; in them one library lacks what it needs, another is none.
	compile(t, dir, providerName, nothing, append(needed, "-Wl,--enable-new-dtags,-rpath,/nowhere:$ORIGIN")...)
	rt := needed[1]
	if err := errors.Join(os.Remove(rt), os.WriteFile(rt, []byte("not a library\n"), 0o666)); err != nil {
		t.Fatal(err)
	}
	wantFault(check(kind, library, good), "cuda: the loader does not find "+name("link")+": install CUDA and cuDNN, or name their folder in LD_LIBRARY_PATH; "+rt+": ")
	if err := os.Remove(rt); err != nil {
		t.Fatal(err)
	}
	compile(t, dir, name("rt"), nothing)
	compile(t, dir, name("fft"), nothing)
	if err := check(kind, library, good); err != nil {
		t.Error(err)
	}
	wantFault(check(kind, library, compileDriver(t, "0", "0", "0")), "cuda: the NVIDIA driver finds no device; --device")
}

func TestRefused(t *testing.T) {
	for said, want := range map[string]string{
		"orttraining: session options: /onnxruntime_src/x.cc:1637 onnxruntime::Provider& Get() [ONNXRuntimeError] : 1 : FAIL : Failed to load library x.so with\n error: y": "cuda: Failed to load library x.so with error: y; --device cuda needs an NVIDIA driver, CUDA 13 ",
		"CUDA execution provider is not enabled in this build.": "cuda: CUDA execution provider is not enabled in this build; --device cuda needs an NVIDIA driver, CUDA 13 ",
	} {
		err := Refused(runtimelib.ORTCUDA, errors.New(said))
		errtest.OneLine(t, err, "cuDNN 9; --device cpu runs without")
		if !strings.HasPrefix(err.Error(), want) {
			t.Errorf("error %q, want it to begin with %q", err, want)
		}
	}
}
