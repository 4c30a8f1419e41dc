package cli

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pmx/internal/require"
)

// gpuReport is what scripts/gpu/run.sh writes.
type gpuReport struct {
	Device    string `json:"device"`
	Processor string `json:"processor"`
	Version   string `json:"pmx"`
	Missing   string `json:"missing_libraries"`
	Checks    []struct {
		Check   string         `json:"check"`
		Status  string         `json:"status"`
		Seconds int            `json:"seconds"`
		Result  map[string]any `json:"result"`
	} `json:"checks"`
}

// runGPUFolder runs the folder's checks and gives their report and the exit status.
func runGPUFolder(t *testing.T, folder string, env ...string) (gpuReport, int) {
	t.Helper()
	results := t.TempDir()
	cmd := exec.Command(filepath.Join(folder, "run.sh"), results)
	cmd.Dir, cmd.Env = t.TempDir(), append(os.Environ(), env...)
	out, err := cmd.CombinedOutput()
	if cmd.ProcessState == nil {
		t.Fatal(err)
	}
	var report gpuReport
	text, err := os.ReadFile(filepath.Join(results, "report.json"))
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if err := json.Unmarshal(text, &report); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	if cmd.ProcessState.ExitCode() != 0 {
		log, _ := os.ReadFile(filepath.Join(results, "report.log"))
		t.Logf("%s", log[max(0, len(log)-8000):])
	}
	return report, cmd.ProcessState.ExitCode()
}

// TestGPUFolder makes the folder for a machine with a GPU, for the CPU, and runs it:
// all checks pass; where a piece is damaged or the time is over, the report says so.
func TestGPUFolder(t *testing.T) {
	for _, tool := range []string{"bash", "go", "tar", "split", "sha256sum"} {
		if _, err := exec.LookPath(tool); err != nil {
			require.Missing(t, err)
		}
	}
	python, err := filepath.Abs("../.venv-torch/bin/python")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(python); err != nil {
		require.Missing(t, err)
	}
	folder := filepath.Join(t.TempDir(), "gpu")
	prepare := exec.Command("../scripts/gpu/prepare.sh", "--cpu", folder)
	prepare.Env = append(os.Environ(), "PIECE=4M")
	if out, err := prepare.CombinedOutput(); err != nil {
		require.Missing(t, string(out))
	}
	if pieces, _ := filepath.Glob(filepath.Join(folder, "library.tar.gz.*")); len(pieces) < 2 {
		t.Errorf("the library is in %d pieces", len(pieces))
	}

	report, status := runGPUFolder(t, folder, "PYTHON="+python, "LIMIT=1200")
	var names []string
	for _, c := range report.Checks {
		names = append(names, c.Check)
		if c.Status != "passed" {
			t.Errorf("%s: %s", c.Check, c.Status)
		}
		switch {
		case strings.HasPrefix(c.Check, "step "):
			if ms, ok := c.Result["median_ms"].(float64); !ok || ms <= 0 {
				t.Errorf("%s: no median_ms in %v", c.Check, c.Result)
			}
		case strings.Contains(c.Check, "recorded steps") || strings.Contains(c.Check, "operator"):
			if passed, ok := c.Result["passed"].(float64); !ok || passed < 2 {
				t.Errorf("%s: %v", c.Check, c.Result)
			}
		}
	}
	want := []string{"the folder is whole", "product of two matrices", "recorded steps and features", "operator cases of ONNX", "resume bit for bit",
		"the detector's operators", "the detector's parts", "the detector's backbone", "step T/32/16/4 pmx", "step T/32/16/4 pytorch-eager", "quickstart"}
	if !slices.Equal(names, want) {
		t.Errorf("checks are %q, want %q", names, want)
	}
	if status != 0 || report.Device != "cpu" || report.Version == "" {
		t.Errorf("exit status %d, report %+v", status, report)
	}

	// Without time nothing runs, and the report says so.
	report, status = runGPUFolder(t, folder, "LIMIT=8")
	if status != 1 || len(report.Checks) != 1 || report.Checks[0].Status != "not run" {
		t.Errorf("without time: exit status %d, report %+v", status, report)
	}

	piece := filepath.Join(folder, "library.tar.gz.001")
	if err := os.WriteFile(piece, []byte("damaged"), 0o666); err != nil {
		t.Fatal(err)
	}
	report, status = runGPUFolder(t, folder, "LIMIT=1200")
	if status != 1 || len(report.Checks) != 1 || !strings.HasPrefix(report.Checks[0].Status, "failed") {
		t.Errorf("a damaged piece: exit status %d, report %+v", status, report)
	}
}
