package runtimelib

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"pmx/internal/errtest"
	"pmx/internal/ortapi"
)

// The library of these tests, and the texts beside it.
const (
	fakeLibrary = "not really a library"
	fakeModule  = "not really a module" // fakeLibrary is made of it
	fakeVersion = "1.2.3"
)

// bench is a machine with fake package clients: scripts that log their
// arguments and deliver tiny archives.
type bench struct {
	t        *testing.T
	dir      string // the fakes' folder, the whole PATH except for /bin
	archives map[client][]byte
	Installer
}

func newBench(t *testing.T, clients ...client) *bench {
	t.Helper()
	root := t.TempDir()
	b := &bench{t: t, dir: filepath.Join(root, "bin"), archives: map[client][]byte{
		pip: zipOf(t, map[string]string{
			"onnxruntime/capi/libonnxruntime.so.1.2.3":       fakeLibrary,
			"onnxruntime/capi/libonnxruntime_unwanted.so":    "unwanted",
			"onnxruntime/LICENSE":                            "licence text",
			"onnxruntime/capi/onnxruntime_pybind11_state.so": fakeModule,
			"../../escape": "never extracted",
		}),
		npm: tarOf(t, map[string]string{"package/bin/x64/libonnxruntime.so.1": fakeLibrary, "package/README.md": "licence text"}),
	}}
	if err := os.Mkdir(b.dir, 0o777); err != nil {
		t.Fatal(err)
	}
	// The scripts need cp, cat, sleep; the machine's own clients must not be found.
	for _, tool := range []string{"sh", "cp", "sleep", "touch"} {
		path, err := exec.LookPath(tool)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(path, filepath.Join(b.dir, tool)); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("PATH", b.dir)
	t.Setenv(ORT.EnvVar(), "")
	library := sha256Of([]byte(fakeLibrary))
	b.Installer = Installer{
		Dir: filepath.Join(root, "the cache [1]", "runtimes"), goos: "linux", goarch: "amd64",
		probe: func(path string) (*ortapi.Library, error) {
			data, err := os.ReadFile(path)
			if err != nil || string(data) != fakeLibrary {
				return nil, errors.New("it is broken")
			}
			return &ortapi.Library{Version: fakeVersion, Providers: []string{"CUDAExecutionProvider", "CPUExecutionProvider"}, Training: true}, nil
		},
		convert: func(module []byte, version string) ([]byte, error) {
			if string(module) != fakeModule || version != fakeVersion {
				return nil, errors.New("not a module")
			}
			return []byte(fakeLibrary), nil
		},
		releases: []release{
			{
				kind: ORT, version: fakeVersion, os: "linux", arch: "amd64", library: "libonnxruntime.so", licence: "MIT",
				sources: []source{
					{client: pip, pkg: "onnxruntime", platform: "manylinux_2_28_x86_64", python: "3.12", sha256: sha256Of(b.archives[pip]), members: []member{
						{from: "onnxruntime/capi/libonnxruntime.so.1.2.3", to: "libonnxruntime.so", sha256: library},
						{from: "onnxruntime/LICENSE", to: "LICENSE"},
					}},
					{client: npm, pkg: "onnxruntime-node", sha256: sha256Of(b.archives[npm]), members: []member{
						{from: "package/bin/x64/libonnxruntime.so.1", to: "libonnxruntime.so", sha256: library},
						{from: "package/README.md", to: "README.md"},
						{to: "LICENSE", text: "a text of pmx"},
					}},
				},
			},
			{
				kind: ORTCUDA, version: fakeVersion, os: "linux", arch: "amd64", library: "libonnxruntime.so", licence: "MIT",
				sources: []source{{client: pip, pkg: "onnxruntime-gpu", sha256: sha256Of(b.archives[pip]), members: []member{
					{from: "onnxruntime/capi/libonnxruntime.so.1.2.3", to: "libonnxruntime.so", sha256: library},
				}}},
			},
			{kind: ORT, version: fakeVersion, os: "darwin", arch: "arm64"},
			{
				kind: ORTTraining, version: fakeVersion, os: "linux", arch: "amd64", library: "libonnxruntime.so", licence: "MIT",
				sources: []source{{client: pip, pkg: "onnxruntime-training-cpu", sha256: sha256Of(b.archives[pip]), members: []member{
					{from: "onnxruntime/capi/onnxruntime_pybind11_state.so", to: "libonnxruntime.so", sha256: sha256Of([]byte(fakeModule)), converted: library},
				}}},
			},
		},
	}
	for _, c := range clients {
		b.serve(c, "")
	}
	return b
}

// serve makes a client that delivers its archive after running a line of shell.
func (b *bench) serve(c client, before string) {
	name, destination := map[client]string{pip: "x-1.2.3-py3.whl", npm: "x-1.2.3.tgz"}[c], "."
	archive := filepath.Join(b.dir, "archive-"+string(c))
	if err := os.WriteFile(archive, b.archives[c], 0o666); err != nil {
		b.t.Fatal(err)
	}
	b.script(string(c), fmt.Sprintf(`
case "$*" in *--version) exit 0;; esac
echo "$@" >> '%s/log-%s'
while [ $# -gt 0 ]; do [ "$1" = --dest ] && destination=$2; shift; done
%s
echo "Downloading"
cp '%s' "${destination-%s}/%s"
`, b.dir, c, before, archive, destination, name))
}

func (b *bench) script(name, body string) {
	if err := os.WriteFile(filepath.Join(b.dir, name), []byte("#!"+filepath.Join(b.dir, "sh")+"\n"+body), 0o777); err != nil {
		b.t.Fatal(err)
	}
}

// calls gives the logged arguments of a client, one call a line.
func (b *bench) calls(c client) []string {
	data, _ := os.ReadFile(filepath.Join(b.dir, "log-"+string(c)))
	return strings.Split(strings.TrimSuffix(string(data), "\n"), "\n")
}

// assertNothing asks that an installation left nothing that counts.
func (b *bench) assertNothing() {
	b.t.Helper()
	if list, err := b.List(); err != nil || len(list) != 0 {
		b.t.Errorf("list %v, error %v, want nothing", list, err)
	}
	if _, err := b.Find(ORT, ""); !errors.Is(err, ErrNotInstalled) {
		b.t.Errorf("find: %v, want ErrNotInstalled", err)
	}
	for _, name := range b.entries() {
		if !strings.HasSuffix(name, ".lock") {
			b.t.Errorf("%s was left behind", name)
		}
	}
}

func (b *bench) entries() []string {
	var names []string
	entries, _ := os.ReadDir(b.Dir)
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

func TestInstallWithPip(t *testing.T) {
	b := newBench(t, pip, npm)
	var lines []string
	b.Progress = func(line string) { lines = append(lines, line) }
	lib, err := b.Install(t.Context(), ORT)
	if err != nil {
		t.Fatal(err)
	}
	if data, err := os.ReadFile(lib.Path); err != nil || string(data) != fakeLibrary {
		t.Errorf("library %q, error %v", data, err)
	}
	if lib.Version != fakeVersion || lib.Source != "pip onnxruntime==1.2.3" || lib.Licence != "MIT" ||
		lib.Size != int64(len(fakeLibrary)+len("licence text")) || !slices.Equal(lib.Providers, []string{"CUDAExecutionProvider", "CPUExecutionProvider"}) || lib.Converted != "" {
		t.Errorf("library %+v", lib)
	}
	call := b.calls(pip)[0]
	for _, want := range []string{"download --no-deps --only-binary=:all:", "--platform manylinux_2_28_x86_64", "--python-version 3.12", "onnxruntime==1.2.3"} {
		if !strings.Contains(call, want) {
			t.Errorf("pip was called with %s, not with %s", call, want)
		}
	}
	if !slices.Contains(lines, "Downloading") {
		t.Errorf("progress was %q", lines)
	}
	var files []string
	entries, _ := os.ReadDir(lib.Dir)
	for _, e := range entries {
		files = append(files, e.Name())
	}
	if !slices.Equal(files, []string{"LICENSE", "install.json", "libonnxruntime.so"}) {
		t.Errorf("installed %v", files)
	}

	// A second installation finds the first.
	if again, err := b.Install(t.Context(), ORT); err != nil || again.Path != lib.Path {
		t.Errorf("again: %+v, %v", again, err)
	}
	if n := len(b.calls(pip)); n != 1 {
		t.Errorf("pip was called %d times", n)
	}
	found, err := b.Find(ORT, "")
	if err != nil || found.Path != lib.Path {
		t.Errorf("found %+v, error %v", found, err)
	}
	list, err := b.List()
	if err != nil || len(list) != 1 || list[0].Err != nil || list[0].Size != lib.Size {
		t.Errorf("list %+v, error %v", list, err)
	}
}

// TestInstallRepairs: damage that Find cannot see is seen by List, and mended
// by an installation.
func TestInstallRepairs(t *testing.T) {
	b := newBench(t, pip)
	lib, err := b.Install(t.Context(), ORT)
	if err != nil {
		t.Fatal(err)
	}
	for name, damage := range map[string]func() error{
		"changed": func() error { return os.WriteFile(lib.Path, bytes.ToUpper([]byte(fakeLibrary)), 0o666) },
		"cut":     func() error { return os.Truncate(lib.Path, 3) },
		"missing": func() error { return os.Remove(lib.Path) },
		"record rewritten too": func() error {
			record := filepath.Join(lib.Dir, recordName)
			data, err := os.ReadFile(record)
			forged := strings.ReplaceAll(string(data), sha256Of([]byte(fakeLibrary)), sha256Of([]byte("xxx")))
			return errors.Join(err, os.WriteFile(lib.Path, []byte("xxx"), 0o666),
				os.WriteFile(record, []byte(strings.Replace(forged, `"size": 20`, `"size": 3`, 1)), 0o666))
		},
	} {
		if err := damage(); err != nil {
			t.Fatal(err)
		}
		list, err := b.List()
		if err != nil || len(list) != 1 || list[0].Err == nil {
			t.Errorf("%s: list %+v, error %v", name, list, err)
		}
		errtest.OneLine(t, list[0].Err)
		if _, err := b.Install(t.Context(), ORT); err != nil {
			t.Fatal(err)
		}
		if list, err := b.List(); err != nil || len(list) != 1 || list[0].Err != nil {
			t.Errorf("%s: after repair: list %+v, error %v", name, list, err)
		}
	}
}

func TestPipIsFoundUnderItsNames(t *testing.T) {
	for name, args := range map[string]string{"pip": "download", "pip3": "download", "python3": "-m pip download", "python": "-m pip download"} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, pip)
			if err := os.Rename(filepath.Join(b.dir, "pip"), filepath.Join(b.dir, "kept")); err != nil {
				t.Fatal(err)
			}
			b.script("pip", "exit 1\n") // a launcher without what it launches
			if err := os.Rename(filepath.Join(b.dir, "kept"), filepath.Join(b.dir, name)); err != nil {
				t.Fatal(err)
			}
			if _, err := b.Install(t.Context(), ORT); err != nil {
				t.Fatal(err)
			}
			if call := b.calls(pip)[0]; !strings.HasPrefix(call, args) {
				t.Errorf("%s was called with %s", name, call)
			}
		})
	}
}

func TestInstallFallsBackToNpm(t *testing.T) {
	for name, prepare := range map[string]func(b *bench){
		"no pip":      func(*bench) {},
		"pip fails":   func(b *bench) { b.serve(pip, "echo 'ERROR: No matching distribution' >&2; exit 1") },
		"pip is idle": func(b *bench) { b.serve(pip, "exit 0") },
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			b.serve(npm, "echo 'npm notice New minor version' >&2")
			prepare(b)
			var lines []string
			b.Progress = func(line string) { lines = append(lines, line) }
			lib, err := b.Install(t.Context(), ORT)
			if err != nil {
				t.Fatal(err)
			}
			if lib.Source != "npm onnxruntime-node@1.2.3" {
				t.Errorf("source %s", lib.Source)
			}
			if text, err := os.ReadFile(filepath.Join(lib.Dir, "LICENSE")); err != nil || string(text) != "a text of pmx" {
				t.Errorf("licence %q, error %v", text, err)
			}
			said := strings.Join(lines, "\n")
			if !strings.Contains(said, "Downloading") || strings.Contains(said, "notice") || strings.Contains(said, "not found") || strings.Contains(said, "No matching") {
				t.Errorf("progress was %q", lines)
			}
			if call := b.calls(npm)[0]; !strings.HasPrefix(call, "pack ") || !strings.HasSuffix(call, "onnxruntime-node@1.2.3") {
				t.Errorf("npm was called with %s", call)
			}
			if list, err := b.List(); err != nil || len(list) != 1 || list[0].Err != nil {
				t.Errorf("list %+v, error %v", list, err)
			}
		})
	}
}

func TestInstallRefusals(t *testing.T) {
	t.Run("no clients", func(t *testing.T) {
		b := newBench(t)
		_, err := b.Install(t.Context(), ORT)
		wantError(t, err, "install pip", "or npm", "pmx runtime install", "--ort-lib", "PMX_ORT_LIB")
		_, err = b.Install(t.Context(), ORTCUDA)
		wantError(t, err, "install pip", "pmx runtime install --cuda")
		if strings.Contains(err.Error(), "npm") {
			t.Errorf("npm is no help: %v", err)
		}
		b.assertNothing()
	})
	t.Run("all clients fail", func(t *testing.T) {
		b := newBench(t)
		b.serve(pip, "echo 'WARNING: no answer' >&2; echo 'ERROR: no network' >&2; exit 1")
		var lines []string
		b.Progress = func(line string) { lines = append(lines, line) }
		_, err := b.Install(t.Context(), ORT)
		wantError(t, err, "no network", "npm: not found", "check the network")
		if !slices.Contains(lines, "WARNING: no answer") || !slices.Contains(lines, "ERROR: no network") {
			t.Errorf("progress was %q", lines)
		}
		b.assertNothing()
	})
	t.Run("wrong archive", func(t *testing.T) {
		b := newBench(t, npm)
		good := b.archives[pip]
		b.archives[pip] = append(slices.Clone(good), 0)
		b.serve(pip, "")
		_, err := b.Install(t.Context(), ORT)
		wantError(t, err, "wrong SHA-256", sha256Of(good), "refused")
		b.assertNothing() // npm, which has the right one, is not asked
	})
	t.Run("wrong library in the right archive", func(t *testing.T) {
		b := newBench(t, pip)
		b.releases[0].sources[0].members[0].sha256 = sha256Of(nil)
		_, err := b.Install(t.Context(), ORT)
		wantError(t, err, "libonnxruntime.so.1.2.3", "wrong SHA-256")
		b.assertNothing()
	})
	t.Run("member missing", func(t *testing.T) {
		b := newBench(t, pip)
		b.releases[0].sources[0].members[0].from = "onnxruntime/other"
		_, err := b.Install(t.Context(), ORT)
		wantError(t, err, "has no onnxruntime/other")
		b.assertNothing()
	})
	t.Run("library does not load", func(t *testing.T) {
		b := newBench(t, pip)
		b.probe = func(string) (*ortapi.Library, error) { return nil, errors.New("GLIBC_9.9 not found") }
		_, err := b.Install(t.Context(), ORT)
		wantError(t, err, "no package brought a library that works (", "does not load on this machine", "GLIBC_9.9")
		b.assertNothing()
	})
	t.Run("library of another version", func(t *testing.T) {
		b := newBench(t, pip)
		b.probe = func(string) (*ortapi.Library, error) { return &ortapi.Library{Version: "1.2.4"}, nil }
		_, err := b.Install(t.Context(), ORT)
		wantError(t, err, "version 1.2.4")
		b.assertNothing()
	})
	for name, c := range map[string]struct {
		kind    Kind
		library ortapi.Library
		want    string
	}{
		"no CPU":      {ORT, ortapi.Library{Providers: []string{"AzureExecutionProvider"}}, "the library has no CPUExecutionProvider (it has AzureExecutionProvider)"},
		"no CUDA":     {ORTCUDA, ortapi.Library{Providers: []string{"CPUExecutionProvider"}}, "the library has no CUDAExecutionProvider (it has CPUExecutionProvider)"},
		"no training": {ORTTraining, ortapi.Library{Providers: []string{"CPUExecutionProvider"}}, "the library is built without the training API"},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, pip)
			c.library.Version = fakeVersion
			b.probe = func(string) (*ortapi.Library, error) { return &c.library, nil }
			_, err := b.Install(t.Context(), c.kind)
			wantError(t, err, "no package brought a library that works (", c.want)
			b.assertNothing()
		})
	}
	t.Run("another machine", func(t *testing.T) {
		b := newBench(t, pip)
		b.goos, b.goarch = "plan9", "mips"
		_, err := b.Install(t.Context(), ORT)
		wantError(t, err, "linux/amd64, darwin/arm64", "plan9/mips", "--ort-lib")
	})
	t.Run("cache is no folder", func(t *testing.T) {
		b := newBench(t, pip)
		b.Dir = filepath.Join(b.dir, "sh", "x")
		_, err := b.Install(t.Context(), ORT)
		wantError(t, err, "PMX_CACHE")
	})
}

// TestInstallForAnotherPlatform: the library is not loaded, its digest is checked.
func TestInstallForAnotherPlatform(t *testing.T) {
	b := newBench(t, pip)
	other := b.releases[0]
	other.arch = "riscv64"
	b.releases = append(b.releases, other)
	loaded := 0
	b.probe = func(string) (*ortapi.Library, error) {
		loaded++
		return nil, errors.New("wrong ELF class")
	}
	here := b.Installer // a copy, for this machine
	if err := b.For("linux/riscv64"); err != nil {
		t.Fatal(err)
	}
	lib, err := b.Install(t.Context(), ORT)
	if err != nil || loaded > 0 {
		t.Fatalf("error %v, loaded %d times", err, loaded)
	}
	if data, err := os.ReadFile(lib.Path); err != nil || string(data) != fakeLibrary || !strings.Contains(lib.Path, "linux-riscv64") {
		t.Errorf("library %q at %s, error %v", data, lib.Path, err)
	}
	if _, err := here.Find(ORT, ""); !errors.Is(err, ErrNotInstalled) {
		t.Errorf("this machine finds %v, want ErrNotInstalled", err)
	}
	if err := os.WriteFile(lib.Path, []byte("other bytes, as ma"), 0o666); err != nil {
		t.Fatal(err)
	}
	if list, err := b.List(); err != nil || len(list) != 1 || list[0].Err == nil {
		t.Errorf("list %+v, error %v, want a damaged library", list, err)
	}
	wantError(t, b.For("riscv64"), `"riscv64" is no platform: want one such as linux/arm64`)
}

func TestInstallConverts(t *testing.T) {
	b := newBench(t, pip)
	lib, err := b.Install(t.Context(), ORTTraining)
	if err != nil {
		t.Fatal(err)
	}
	if data, err := os.ReadFile(lib.Path); err != nil || string(data) != fakeLibrary {
		t.Errorf("library %q, error %v", data, err)
	}
	const converted = "libonnxruntime.so is not a file of its makers: pmx converted it from their onnxruntime_pybind11_state.so"
	record := filepath.Join(lib.Dir, recordName)
	data, err := os.ReadFile(record)
	if err != nil || !strings.Contains(string(data), `"converted": "`+converted+`"`) {
		t.Errorf("record %s, error %v", data, err)
	}
	check := func() {
		t.Helper()
		found, err := b.Find(ORTTraining, "")
		if err != nil || found.Converted != converted || lib.Converted != converted {
			t.Errorf("installed %+v, found %+v, error %v", lib, found, err)
		}
		if list, err := b.List(); err != nil || len(list) != 1 || list[0].Err != nil || list[0].Converted != converted {
			t.Errorf("list %+v, error %v", list, err)
		}
	}
	check()
	// A record without the field, of an older pmx.
	if err := os.WriteFile(record, bytes.Replace(data, []byte(`"converted"`), []byte(`"other"`), 1), 0o666); err != nil {
		t.Fatal(err)
	}
	check()

	for want, change := range map[string]func(*bench){
		"not a module": func(b *bench) {
			b.convert = func([]byte, string) ([]byte, error) { return nil, errors.New("not a module") }
		},
		"wrong SHA-256": func(b *bench) {
			b.convert = func([]byte, string) ([]byte, error) { return []byte("something else"), nil }
		},
	} {
		b := newBench(t, pip)
		change(b)
		_, err := b.Install(t.Context(), ORTTraining)
		wantError(t, err, want, "onnxruntime_pybind11_state.so")
		b.assertNothing()
	}
}

// TestInstallCancelled cancels while the client hangs.
func TestInstallCancelled(t *testing.T) {
	b := newBench(t, npm)
	b.serve(pip, "echo started; sleep 60")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	b.Progress = func(line string) {
		if line == "started" {
			cancel()
		}
	}
	begin := time.Now()
	_, err := b.Install(ctx, ORT)
	if !errors.Is(err, context.Canceled) || time.Since(begin) > 20*time.Second {
		t.Errorf("error %v after %v", err, time.Since(begin))
	}
	b.assertNothing()
}

// TestInstallCancelledEarly: a client that is asked whether it works, and ends since
// pmx is told to, is not one that is missing.
func TestInstallCancelledEarly(t *testing.T) {
	b := newBench(t)
	b.script("pip", "touch '"+b.dir+"/asked'; sleep 60")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	go func() {
		for range 2000 {
			if _, err := os.Stat(filepath.Join(b.dir, "asked")); err == nil {
				break
			}
			time.Sleep(5 * time.Millisecond)
		}
		cancel()
	}()
	_, err := b.Install(ctx, ORT)
	if !errors.Is(err, context.Canceled) || errors.Is(err, ErrNoClient) || strings.Contains(err.Error(), "not found") {
		t.Errorf("error %v", err)
	}
	b.assertNothing()
}

// killedInstall is set for a process that installs and is killed meanwhile.
const killedInstall = "PMX_TEST_KILLED_INSTALL"

// TestInstallKilled kills an installing process while its client delivers.
func TestInstallKilled(t *testing.T) {
	if dir := os.Getenv(killedInstall); dir != "" {
		b := newBench(t)
		b.Dir = dir
		b.serve(pip, `echo half > "$destination/x-1.2.3-py3.whl"; touch '`+dir+`/started'; sleep 10`)
		_, err := b.Install(t.Context(), ORT)
		t.Fatal("not killed: ", err)
	}
	b := newBench(t, pip)
	if err := os.MkdirAll(b.Dir, 0o777); err != nil {
		t.Fatal(err)
	}
	child := exec.Command(os.Args[0], "-test.run=^TestInstallKilled$")
	child.Env = append(os.Environ(), killedInstall+"="+b.Dir)
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	started := filepath.Join(b.Dir, "started")
	for range 1000 {
		if _, err := os.Stat(started); err == nil {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	if err := child.Process.Kill(); err != nil { // its client, in a group of its own, goes on for a while
		t.Fatal(err)
	}
	child.Wait()
	if err := os.Remove(started); err != nil {
		t.Fatal(err)
	}
	if list, err := b.List(); err != nil || len(list) != 0 {
		t.Errorf("list %v, error %v", list, err)
	}
	if _, err := b.Find(ORT, ""); !errors.Is(err, ErrNotInstalled) {
		t.Errorf("find: %v", err)
	}
	if names := b.entries(); len(names) != 2 {
		t.Errorf("the killed process left %v, not its lock and its folder: this test is too early or too late", names)
	}
	if _, err := b.Install(t.Context(), ORT); err != nil {
		t.Fatal(err)
	}
	if names := b.entries(); !slices.Equal(names, []string{".ort-1.2.3-linux-amd64.lock", "ort-1.2.3-linux-amd64"}) {
		t.Errorf("cache holds %v", names)
	}
}

func TestConcurrentInstalls(t *testing.T) {
	b := newBench(t)
	b.serve(pip, "sleep 0.2")
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			in := b.Installer // an installer each, as processes have
			if lib, err := in.Install(t.Context(), ORT); err != nil || lib.Version != fakeVersion {
				t.Errorf("%+v, %v", lib, err)
			}
		})
	}
	wg.Wait()
	if n := len(b.calls(pip)); n != 1 {
		t.Errorf("pip was called %d times", n)
	}
}

// wantError asks for a one-line error of this package with all parts in it.
func wantError(t *testing.T, err error, parts ...string) {
	t.Helper()
	errtest.OneLine(t, err, parts...)
	if !strings.HasPrefix(err.Error(), "runtimelib: ") {
		t.Errorf("not an error of this package: %q", err)
	}
}

func sha256Of(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

func zipOf(t *testing.T, files map[string]string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for name, content := range files {
		w, err := z.Create(name)
		if err == nil {
			_, err = w.Write([]byte(content))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func tarOf(t *testing.T, files map[string]string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	w := tar.NewWriter(z)
	for name, content := range files {
		err := w.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(content))})
		if err == nil {
			_, err = w.Write([]byte(content))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(w.Close(), z.Close()); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}
