package ortapi

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// A library that looks like ONNX Runtime 1.2.3 as far as Load can see; the
// table has its functions where the real one has them.
const standIn = `
#include <stddef.h>
#include <stdint.h>
typedef struct { void **(*api)(uint32_t); const char *(*version)(void); } base;
static const char *names[] = {"CPUExecutionProvider", "TestExecutionProvider"};
static void *available(const char ***out, int *n) {
	if (FAIL) return "no providers today";
	*out = names; *n = 2; return NULL;
}
static const char *message(const void *status) { return status; }
static void *release(char **p, int n) { return NULL; }
static void *training(uint32_t version) { return version == 19 ? "an API" : NULL; }
static void *table[300] = {[2] = message, [125] = available, [126] = release, [219] = training};
static void no_op(void *p) {}
static void **api(uint32_t version) { table[93] = no_op; return version == 2 || version > 18 && version < 21 ? table : NULL; }
static const char *version(void) { return VERSION; }
static const base the_base = {api, version};
const base *OrtGetApiBase(void) { return &the_base; }
`

func TestLoad(t *testing.T) {
	compiler, err := exec.LookPath("cc")
	if err != nil {
		t.Fatal(err) // this package itself was compiled by one
	}
	dir := t.TempDir()
	source := filepath.Join(dir, "x.c")
	if err := os.WriteFile(source, []byte(standIn), 0o666); err != nil {
		t.Fatal(err)
	}
	build := func(name, version, fail string) string {
		t.Helper()
		out := filepath.Join(dir, name)
		cmd := exec.Command(compiler, "-w", "-shared", "-fPIC", "-DVERSION=\""+version+"\"", "-DFAIL="+fail, "-o", out, source)
		if text, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, text)
		}
		return out
	}
	l, err := Load(build("good.so", "1.2.3", "0"))
	if err != nil {
		t.Fatal(err)
	}
	if l.Training || l.Version != "1.2.3" || l.API != 2 || strings.Join(l.Providers, " ") != "CPUExecutionProvider TestExecutionProvider" {
		t.Errorf("library %+v", l)
	}

	for version, training := range map[string]bool{"1.19.2": true, "1.20.0": false} {
		if l, err := Load(build(version+".so", version, "0")); err != nil || l.Training != training {
			t.Errorf("%s: library %+v, error %v, want training %t", version, l, err, training)
		}
	}

	text := filepath.Join(dir, "text.so")
	if err := os.WriteFile(text, []byte("hello"), 0o666); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		build("failing.so", "1.2.3", "1"): "no providers today",
		build("newer.so", "1.3.0", "0"):   " is ONNX Runtime 1.3.0, without version 3 of the C API",
		build("other.so", "2.0", "0"):     `unknown version "2.0"`,
		build("nonsense.so", "1.x", "0"):  `unknown version "1.x"`,
		build("bare.so", "19", "0"):       `unknown version "19"`,
		filepath.Join(dir, "absent.so"):   "absent.so",
		text:                              "text.so",
	} {
		_, err := Load(path)
		if err == nil || !strings.Contains(err.Error(), want) || !strings.HasPrefix(err.Error(), path) {
			t.Errorf("error %v, want it to say %q", err, want)
		}
	}
	if runtime.GOOS == "linux" {
		if _, err := Load("libc.so.6"); err == nil || !strings.Contains(err.Error(), "no OrtGetApiBase") {
			t.Errorf("libc: %v", err)
		}
	}
}
