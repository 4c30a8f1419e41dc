package artifacts

import (
	"math"
	"os"
	"strings"
	"testing"

	"pmx/internal/errtest"
)

func TestMetrics(t *testing.T) {
	run := create(t, t.TempDir())
	defer run.Close()
	if list, err := run.ReadMetrics(); err != nil || len(list) != 0 {
		t.Errorf("a new run has metrics %v, error %v", list, err)
	}
	log := openMetrics(t, run, 0)
	appendSteps(t, log, 1, 4)
	if err := log.Append(5, map[string]any{"loss": math.NaN(), "norm": float32(math.Inf(1)), "phase": "eval", "lr": float32(.1)}); err != nil {
		t.Fatal(err)
	}
	if err := log.Sync(); err != nil {
		t.Fatal(err)
	}
	log.Close()
	data, err := os.ReadFile(run.Path(MetricsName))
	if err != nil {
		t.Fatal(err)
	}
	if want := `{"loss":"NaN","lr":0.1,"norm":"+Inf","phase":"eval","step":5}` + "\n"; !strings.HasSuffix(string(data), want) {
		t.Errorf("wrote %s", data)
	}
	list, err := run.ReadMetrics()
	if err != nil {
		t.Fatal(err)
	}
	last := list[4]
	loss, ok := last.Float("loss")
	if len(list) != 5 || last.Step != 5 || !ok || !math.IsNaN(loss) || last.Values["phase"] != "eval" {
		t.Errorf("read %v", list)
	}
	if norm, _ := last.Float("norm"); !math.IsInf(norm, 1) {
		t.Errorf("norm %v", norm)
	}
	if _, ok := last.Float("phase"); ok {
		t.Error("a word was read as a number")
	}
}

func TestMetricsResume(t *testing.T) {
	for name, tt := range map[string]struct {
		file string
		from int64
		want string
	}{
		"absent":          {"", 3, ""},
		"torn":            {"{\"step\":1}\n{\"step\":2,\"lo", 5, "{\"step\":1}\n"},
		"only torn":       {"{\"ste", 5, ""},
		"torn but whole":  {"{\"step\":1}\n{\"step\":2}", 5, "{\"step\":1}\n"},
		"later steps":     {"{\"step\":1}\n{\"step\":2}\n{\"step\":3}\n", 2, "{\"step\":1}\n{\"step\":2}\n"},
		"later and torn":  {"{\"step\":1}\n{\"step\":3}\n{\"st", 2, "{\"step\":1}\n"},
		"nothing to drop": {"{\"step\":2,  \"odd  spaces\":1 }\n", 2, "{\"step\":2,  \"odd  spaces\":1 }\n"},
	} {
		t.Run(name, func(t *testing.T) {
			run := create(t, t.TempDir())
			defer run.Close()
			if tt.file != "" {
				if err := os.WriteFile(run.Path(MetricsName), []byte(tt.file), 0o666); err != nil {
					t.Fatal(err)
				}
			}
			log := openMetrics(t, run, tt.from)
			appendSteps(t, log, 9, 9)
			log.Close()
			got, err := os.ReadFile(run.Path(MetricsName))
			if err != nil {
				t.Fatal(err)
			}
			if want := tt.want + "{\"loss\":0.5,\"step\":9}\n"; string(got) != want {
				t.Errorf("file is %q, want %q", got, want)
			}
		})
	}
}

func TestMetricsRefusals(t *testing.T) {
	for name, line := range map[string]string{"not JSON": "hello", "no step": `{"loss":1}`, "step a word": `{"step":"1"}`, "a list": "[1]"} {
		run := create(t, t.TempDir())
		file := "{\"step\":1}\n" + line + "\n{\"step\":2}\n"
		if err := os.WriteFile(run.Path(MetricsName), []byte(file), 0o666); err != nil {
			t.Fatal(err)
		}
		_, err := run.OpenMetrics(5)
		errtest.OneLine(t, err, "line 2", run.Path(MetricsName))
		if got, _ := os.ReadFile(run.Path(MetricsName)); string(got) != file {
			t.Errorf("%s: the file was changed to %q", name, got)
		}
		run.Close()
	}
}

func openMetrics(t *testing.T, run *RunDir, from int64) *MetricsLog {
	t.Helper()
	log, err := run.OpenMetrics(from)
	if err != nil {
		t.Fatal(err)
	}
	return log
}

func appendSteps(t *testing.T, log *MetricsLog, from, to int64) {
	t.Helper()
	for step := from; step <= to; step++ {
		if err := log.Append(step, map[string]any{"loss": .5}); err != nil {
			t.Fatal(err)
		}
	}
}
