package cuda

import (
	"os/exec"
	"path/filepath"
	"testing"
)

// compile makes a shared library of C text in dir; options are for the compiler.
// Stand-ins of the driver, of CUDA's libraries and of ONNX Runtime show what Check
// says on machines that nobody has here.
func compile(t *testing.T, dir, name, source string, options ...string) (path string) {
	t.Helper()
	path = filepath.Join(dir, name)
	args := append([]string{"-shared", "-fPIC", "-Wl,--no-as-needed", "-Wl,-soname," + name, "-o", path, "-x", "c", "-", "-x", "none"}, options...)
	cc := exec.Command("cc", args...)
	stdin, err := cc.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		defer stdin.Close()
		stdin.Write([]byte(source))
	}()
	if text, err := cc.CombinedOutput(); err != nil {
		t.Fatalf("cc: %v: %s", err, text)
	}
	return path
}

// driver is libcuda.so.1 with as many devices; cuInit and cuDeviceGetCount give the
// codes.
const driver = `
int cuInit(unsigned flags) { return INIT; }
int cuDeviceGetCount(int *n) { *n = DEVICES; return COUNT; }
int cuGetErrorString(int code, const char **text) { if (code == 803) *text = "driver and library differ"; return code != 803; }
`

func compileDriver(t *testing.T, init, count, devices string) (path string) {
	t.Helper()
	return compile(t, t.TempDir(), "libcuda.so.1", driver, "-DINIT="+init, "-DCOUNT="+count, "-DDEVICES="+devices)
}

// runtime is as much of ONNX Runtime 1.2.3 as is asked for its providers.
const runtime = `
#include <stddef.h>
#include <stdint.h>
static const char *names[] = {PROVIDERS};
static void *available(const char ***out, int *n) { *out = names; *n = sizeof names / sizeof *names; return NULL; }
static void *release(char **p, int n) { return NULL; }
static void *table[300] = {[125] = available, [126] = release};
static void **api(uint32_t version) { return version == 2 ? table : NULL; }
static const char *version(void) { return "1.2.3"; }
static const struct { void **(*api)(uint32_t); const char *(*version)(void); } base = {api, version};
const void *OrtGetApiBase(void) { return &base; }
`

const withCUDA, withoutCUDA = `"CUDAExecutionProvider", "CPUExecutionProvider"`, `"CPUExecutionProvider"`

func compileRuntime(t *testing.T, dir, providers string) (path string) {
	t.Helper()
	return compile(t, dir, "libonnxruntime.so", runtime, "-DPROVIDERS="+providers)
}
