package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"pmx/internal/require"
	"pmx/runtimes"
)

// TestMain lets the test run the example as the program that it is.
func TestMain(m *testing.M) {
	if len(os.Args) == 2 && os.Getenv("PMX_EXAMPLE") != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

// TestTrain runs the example: six steps, two accuracies and an encoder.
func TestTrain(t *testing.T) {
	ort, err := runtimes.LookupRuntime("ort")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := ort.Version(runtimes.Options{}); err != nil {
		require.Missing(t, err.Error())
	}
	run := filepath.Join(t.TempDir(), "run")
	cmd := exec.Command(os.Args[0], run)
	cmd.Env = append(os.Environ(), "PMX_EXAMPLE=1")
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); err != nil {
		t.Fatalf("%v\n%s", err, out.String())
	}
	for _, want := range []string{"step 1: loss ", "step 6: loss ", "kNN top-1 (k=20): untrained ", "wrote " + filepath.Join(run, "encoder.onnx")} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in what it prints:\n%s", want, out.String())
		}
	}
	source, err := os.ReadFile("main.go")
	if err != nil {
		t.Fatal(err)
	}
	if n := bytes.Count(source, []byte("\n")); n > 60 {
		t.Errorf("the example has %d lines", n)
	}
}
