//go:build linux && amd64

package wheellib

import (
	"bytes"
	"debug/elf"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pmx/internal/ortapi"
)

const testVersion = "1.19.2"

// compile makes the module of testdata/module.c; options are compiler flags
// that come after the usual ones.
func compile(t testing.TB, options ...string) []byte {
	t.Helper()
	out := filepath.Join(t.TempDir(), "module.so")
	args := append([]string{"-shared", "-fPIC", "-O2", "-fvisibility=hidden", "-Wl,--hash-style=gnu", "-Wl,-z,norelro",
		"-DVERSION=\"" + testVersion + "\"", "-DENTRY=PyInit_onnxruntime_pybind11_state", "-o", out, "testdata/module.c"}, options...)
	if text, err := exec.Command("cc", args...).CombinedOutput(); err != nil {
		t.Fatalf("cc: %v: %s", err, text)
	}
	data, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestConvertAndLoad(t *testing.T) {
	for name, options := range map[string][]string{
		"plain":          nil,
		"endbr64":        {"-fcf-protection=full"},
		"no endbr64":     {"-fcf-protection=none"},
		"version script": {"-Wl,--version-script=testdata/module.map"},
	} {
		t.Run(name, func(t *testing.T) {
			module := compile(t, options...)
			original := slices.Clone(module)
			r, err := Convert(module, testVersion)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(module, original) {
				t.Error("the original was changed")
			}
			if r.PythonSymbols != 2 {
				t.Errorf("%d symbols of Python, want 2", r.PythonSymbols)
			}
			assertConverted(t, module, r.Library)
			path := filepath.Join(t.TempDir(), "libonnxruntime.so")
			if err := os.WriteFile(path, r.Library, 0o777); err != nil {
				t.Fatal(err)
			}
			info, err := ortapi.Load(path)
			if err != nil {
				t.Fatal(err)
			}
			if info.Version != testVersion || info.API != 19 || !slices.Equal(info.Providers, []string{"CPUExecutionProvider"}) {
				t.Errorf("info %+v", info)
			}
			if _, err := Convert(r.Library, testVersion); err == nil {
				t.Error("a converted library was converted again")
			}
		})
	}
}

func TestRefusals(t *testing.T) {
	good := compile(t)
	patched := func(change func(data []byte)) []byte {
		data := slices.Clone(good)
		change(data)
		return data
	}
	for name, tt := range map[string]struct {
		module []byte
		want   string
	}{
		"empty":               {nil, "not an ELF file"},
		"text":                {[]byte("hello"), "not an ELF file"},
		"32 bits":             {patched(func(d []byte) { d[4] = 1 }), ""},
		"big-endian":          {patched(func(d []byte) { d[5] = 2 }), ""},
		"arm64":               {patched(func(d []byte) { d[18] = byte(elf.EM_AARCH64) }), "EM_AARCH64"},
		"executable":          {patched(func(d []byte) { d[16] = byte(elf.ET_EXEC) }), "ET_EXEC"},
		"cut":                 {good[:len(good)/2], ""},
		"another version":     {compile(t, `-UVERSION`, `-DVERSION="1.19.1"`), "its version is 1.19.1"},
		"no version":          {compile(t, `-UVERSION`, `-DVERSION="nothing"`), "0 places like an OrtApiBase"},
		"long version":        {compile(t, `-UVERSION`, `-DVERSION="1.19.2.1"`), "0 places like an OrtApiBase"},
		"two bases":           {compile(t, "-DTWO_BASES"), "2 places like an OrtApiBase"},
		"two exports":         {compile(t, "-DTWO_EXPORTS"), "it exports extra"},
		"another entry":       {compile(t, "-UENTRY", "-DENTRY=start_of_the_module_here"), "it exports start_of"},
		"short entry":         {compile(t, "-UENTRY", "-DENTRY=PyInit_x"), "no room for another name"},
		"hash of the old way": {compile(t, "-Wl,--hash-style=sysv"), ".gnu.hash"},
		"both hashes":         {compile(t, "-Wl,--hash-style=both"), "hash table of the old kind"},
		"no Python":           {compile(t, "-DPyModule_Stub=module_stub", "-D_Py_Stub=stub"), "no symbols of Python"},
		"moved section":       {patched(func(d []byte) { le.PutUint64(sectionHeader(t, d, ".dynsym")[0x10:], 0x1000) }), ".dynsym is not where"},
		"code elsewhere":      {patched(func(d []byte) { sectionHeader(t, d, ".text")[0x18] ^= 0x10 }), ".text"},
		"dangling link":       {patched(func(d []byte) { le.PutUint32(sectionHeader(t, d, ".dynsym")[0x28:], 999) }), "string table"},
		"shared name":         {compile(t, "-DTWO_EXPORTS", "-Dextra=onnxruntime_pybind11_state"), "it exports"},
		"name in soname":      {compile(t, "-Wl,-soname,onnxruntime_pybind11_state"), "may share their bytes"},
	} {
		t.Run(name, func(t *testing.T) {
			original := slices.Clone(tt.module)
			r, err := Convert(tt.module, testVersion)
			if err == nil {
				t.Fatalf("converted, with %d symbols of Python", r.PythonSymbols)
			}
			if !strings.Contains(err.Error(), tt.want) || !strings.HasPrefix(err.Error(), "wheellib: ") || strings.Contains(err.Error(), "\n") {
				t.Errorf("error %q, want it to say %q", err, tt.want)
			}
			if !bytes.Equal(tt.module, original) {
				t.Error("the original was changed")
			}
		})
	}
}

// FuzzConvert mutates a good module. No input may crash the converter or make
// it write outside the places that it may edit. Its inputs are large, so that making
// each new one smaller, which is no help here, would take all the time:
//
//	go test -fuzz FuzzConvert -fuzzminimizetime 1x ./runtimes/orttraining/wheellib
func FuzzConvert(f *testing.F) {
	f.Add(compile(f))
	f.Add(compile(f, "-Wl,--version-script=testdata/module.map", "-s"))
	f.Add(compile(f, "-DTWO_BASES", "-DTWO_EXPORTS"))
	f.Add([]byte(elf.ELFMAG))
	f.Fuzz(func(t *testing.T, module []byte) {
		if len(module) > 1<<20 {
			return
		}
		original := slices.Clone(module)
		r, err := Convert(module, testVersion)
		if !bytes.Equal(module, original) {
			t.Error("the original was changed")
		}
		if err == nil {
			assertConverted(t, module, r.Library)
		}
	})
}

// assertConverted checks, with its own reading of the file, that only the
// places to edit were edited, and that the result says what it must.
func assertConverted(t *testing.T, module, library []byte) {
	t.Helper()
	f, err := elf.NewFile(bytes.NewReader(library))
	if err != nil {
		t.Fatal(err)
	}
	if len(library) != len(module) {
		t.Fatalf("%d bytes became %d", len(module), len(library))
	}
	editable := map[string]bool{".dynsym": true, ".dynstr": true, ".gnu.hash": true, ".text": true}
	changed := map[string]int{}
	for i := range library {
		if library[i] == module[i] {
			continue
		}
		in := slices.IndexFunc(f.Sections, func(s *elf.Section) bool {
			return editable[s.Name] && uint64(i) >= s.Offset && uint64(i)-s.Offset < s.Size
		})
		if in < 0 {
			t.Fatalf("byte %#x was changed", i)
		}
		changed[f.Sections[in].Name]++
	}
	if changed[".text"] > leaRetLength || changed[".dynstr"] > len(entryName)+1 {
		t.Errorf("changed bytes: %v", changed)
	}
	symbols, err := f.DynamicSymbols()
	if err != nil {
		t.Fatal(err)
	}
	exported := 0
	for _, s := range symbols {
		strong := elf.ST_BIND(s.Info) == elf.STB_GLOBAL
		switch {
		case strings.HasPrefix(s.Name, "PyInit_"):
			t.Errorf("%s is still there", s.Name)
		case s.Section == elf.SHN_UNDEF && strings.HasPrefix(s.Name, "Py") && strong:
			t.Errorf("%s is still needed", s.Name)
		case s.Name == "OrtGetApiBase" && s.Section != elf.SHN_UNDEF:
			exported++
		}
	}
	if exported != 1 {
		t.Errorf("OrtGetApiBase is exported %d times", exported)
	}
}

// sectionHeader gives the bytes of an entry of the section table (Elf64_Shdr).
func sectionHeader(t *testing.T, data []byte, name string) []byte {
	f, err := elf.NewFile(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	table, size := le.Uint64(data[0x28:]), uint64(le.Uint16(data[0x3a:]))
	i := slices.IndexFunc(f.Sections, func(s *elf.Section) bool { return s.Name == name })
	return data[table+uint64(i)*size:][:size]
}
