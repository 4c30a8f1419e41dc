// Package orttest reads onnxruntime_c_api.h, as the binding onnxruntime_go brings it
// in the module cache, for tests of what we say about ONNX Runtime's C API.
package orttest

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"pmx/internal/require"
)

// Header is the text of the header.
func Header(t testing.TB) string {
	t.Helper()
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/yalue/onnxruntime_go").Output()
	if err != nil {
		require.Missing(t, "the go command does not find the binding: "+err.Error())
	}
	header, err := os.ReadFile(filepath.Join(strings.TrimSpace(string(out)), "onnxruntime_c_api.h"))
	if err != nil {
		t.Fatal(err)
	}
	return string(header)
}

// Functions lists the members of the header's struct OrtApi, in order.
func Functions(t testing.TB) (names []string) {
	t.Helper()
	header := withoutComments(Header(t))
	table := regexp.MustCompile(`(?ms)^struct OrtApi \{(.*?)^\};`).FindStringSubmatch(header)
	if table == nil {
		t.Fatal("the header has no struct OrtApi")
	}
	// Functions that give a status, other functions, and those that release.
	member := regexp.MustCompile(`ORT_API2_STATUS\((\w+)|ORT_API_T\([\w\s*]+,\s*(\w+)|\(\s*ORT_API_CALL\s*\*\s*(\w+)\s*\)|ORT_CLASS_RELEASE\((\w+)\)`)
	for _, m := range member.FindAllStringSubmatch(table[1], -1) {
		name := m[1] + m[2] + m[3]
		if m[4] != "" {
			name = "Release" + m[4]
		}
		names = append(names, name)
	}
	return names
}

// withoutComments is a text in C or Go.
func withoutComments(text string) string {
	return regexp.MustCompile(`(?s)/\*.*?\*/|//[^\n]*`).ReplaceAllString(text, "")
}
