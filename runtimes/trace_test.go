package runtimes_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pmx/internal/errtest"
	"pmx/runtimes"
)

func readTrace(t *testing.T) []byte {
	t.Helper()
	data, err := os.ReadFile("testdata/trace/three_steps.json")
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// TestReadProfile sums a small trace up: a first step that is ten times as slow, one
// of 900 µs, and one with all nodes twice as slow in 1900.
func TestReadProfile(t *testing.T) {
	p, err := runtimes.ReadProfile(bytes.NewReader(readTrace(t)), 1)
	if err != nil {
		t.Fatal(err)
	}
	const us = time.Microsecond
	if p.Steps != 2 || p.Step != 1400*us || p.Between != 110*us || p.Products != 1200*us {
		t.Errorf("%d steps of %v, %v between nodes, %v products; want 2 of 1.4ms, 110µs, 1.2ms", p.Steps, p.Step, p.Between, p.Products)
	}
	for part, want := range map[runtimes.Part]time.Duration{
		runtimes.PartForward: 1263 * us / 2, runtimes.PartBackward: 1233 * us / 2, runtimes.PartOptimizer: 54 * us / 2, runtimes.PartOther: 30 * us / 2,
	} {
		if p.Parts[part] != want {
			t.Errorf("%s takes %v, want %v", part, p.Parts[part], want)
		}
	}
	var rows []string
	for _, o := range p.Operators {
		rows = append(rows, fmt.Sprint(o.Name, o.Nodes, o.Time, o.Product))
	}
	want := []string{
		"LinearGradWeight1 600µs true", "Linear1 450µs true", "FusedMatMul1 150µs true", "AddLayerNormalization1 30µs false", "Mul4 30µs false",
		"Transpose1 15µs false", "EMA1 12µs false", "Add1 3µs false", "Reshape1 0s false",
	}
	if fmt.Sprint(rows) != fmt.Sprint(want) {
		t.Errorf("operators\n%v, want\n%v", rows, want)
	}
	if share := p.ProductShare(); share != 1200./1400 {
		t.Errorf("products are %v of the step", share)
	}
}

func TestPartOf(t *testing.T) {
	for node, want := range map[string]runtimes.Part{
		"q_view1/encoder/blocks.0/Linear_2":        runtimes.PartForward,
		"contrast/MatMul_2/MatmulTransposeFusion/": runtimes.PartForward,
		"Sum":                               runtimes.PartForward,
		"_inlfunc_LinearGelu_token_47_Gemm": runtimes.PartForward,
		"q_view1/encoder/Linear_1_grad/LinearGradInput":               runtimes.PartBackward,
		"contrast/Max_4_grad/Sum":                                     runtimes.PartBackward,
		"_inlfunc_SoftmaxGrad_13_token_203_Mul_1":                     runtimes.PartBackward,
		"_inlfunc_LinearGradWeight_token_94_Gemm":                     runtimes.PartBackward,
		"_inlfunc_AttentionGrad_MatMul_3/MatmulTransposeFusion//Mul/": runtimes.PartBackward,
		"optimizer/Reshape_36":                                        runtimes.PartOptimizer,
		"ema/EMA_3":                                                   runtimes.PartOptimizer,
		"_inlfunc_AdamW_token_180_Mul_6":                              runtimes.PartOptimizer,
		"Transpose_token_266":                                         runtimes.PartOther,
	} {
		if got := runtimes.PartOf(node); got != want {
			t.Errorf("%s is %s, want %s", node, got, want)
		}
	}
}

// TestReadProfileErrors cuts the trace everywhere and breaks it.
func TestReadProfileErrors(t *testing.T) {
	whole := bytes.TrimSpace(readTrace(t))
	for n := 0; n < len(whole); n += 97 {
		_, err := runtimes.ReadProfile(bytes.NewReader(whole[:n]), 1)
		errtest.OneLine(t, err, "the trace is cut off")
	}
	_, err := runtimes.ReadProfile(bytes.NewReader(whole[:len(whole)-1]), 1)
	errtest.OneLine(t, err, "the trace is cut off")
	const node = `{"cat":"Node","name":"a_kernel_time","dur":1,"args":{"op_name":"Add"}}`
	const run = `{"cat":"Session","name":"model_run","dur":2}`
	for trace, want := range map[string]string{
		"{}": "not a trace of ONNX Runtime: begins with {",
		"[]": "the trace has no steps",
		"[" + node + "," + run + "," + node + "]": "ends with 1 nodes of a step that did not end",
		"[" + run + "," + run + "]":               "has steps, but no nodes",
		"[" + node + "," + run + "]":              "has 1 steps, of which the first 1 are left out",
		"[" + node + "," + run + "] []":           "more than one JSON value",
		"[" + node + "," + run + "] x":            "not a trace of ONNX Runtime: invalid character 'x'",
		`[{"cat":"Node","name":"a_kernel_time"}]`: "node a has no op_name",
		`[{"cat":"Node","dur":-1}]`:               "lasts -1 µs",
		`[{"cat":7}]`:                             "not a trace of ONNX Runtime",
		"encoder":                                 "not a trace of ONNX Runtime",
	} {
		_, err := runtimes.ReadProfile(strings.NewReader(trace), 1)
		errtest.OneLine(t, err, want)
	}
}

func TestFindTrace(t *testing.T) {
	prefix := filepath.Join(t.TempDir(), "run [1]*", "trace")
	if err := os.MkdirAll(filepath.Dir(prefix), 0o777); err != nil {
		t.Fatal(err)
	}
	_, err := runtimes.FindTrace(prefix)
	errtest.OneLine(t, err, "the runtime wrote no trace")
	write := func(name string) {
		if err := os.WriteFile(prefix+name, nil, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	write("2_1.json")
	write("_1.json")
	if path, err := runtimes.FindTrace(prefix); err != nil || path != prefix+"_1.json" {
		t.Errorf("found %q, %v", path, err)
	}
	write("_2.json")
	_, err = runtimes.FindTrace(prefix)
	errtest.OneLine(t, err, "2 files begin with")
}

// TestTraceSteps trains with and without a trace of the first steps, by every runtime
// that writes one: the same numbers, and a trace of just those steps.
func TestTraceSteps(t *testing.T) {
	const steps, traced = 4, 2
	for _, name := range []string{"ort", "ort-training"} {
		t.Run(name, func(t *testing.T) {
			r, o := openRuntime(t, name), options(t)
			f := fixtures(t)[0]
			plain, built, feeds := firstStep(t, r, f, o)
			o.ProfilePrefix = filepath.Join(t.TempDir(), "trace")
			var ended []int // after how many steps
			done := 0
			s, err := runtimes.TraceSteps(r, built, o, traced, func(trace string, err error) {
				ended = append(ended, done)
				if err != nil {
					t.Fatal(err)
				}
				file, err := os.Open(trace)
				if err != nil {
					t.Fatal(err)
				}
				defer file.Close()
				p, err := runtimes.ReadProfile(file, 1)
				if err != nil {
					t.Fatal(err)
				}
				if p.Steps != traced-1 {
					t.Errorf("%d steps traced", p.Steps+1)
				}
				if p.Parts[runtimes.PartForward] == 0 || p.Parts[runtimes.PartBackward] == 0 || p.Parts[runtimes.PartOptimizer] == 0 || p.Products == 0 || p.Between < 0 {
					t.Errorf("profile %+v", p)
				}
			})
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			if err := s.SetState(f.initialState(t, built)); err != nil {
				t.Fatal(err)
			}
			for i := range steps {
				want, err := plain.Step(context.Background(), feeds, f.hyper(t, built, 0))
				if err != nil {
					t.Fatal(err)
				}
				got, err := s.Step(context.Background(), feeds, f.hyper(t, built, 0))
				if err != nil {
					t.Fatal(err)
				}
				if done++; fmt.Sprint(got) != fmt.Sprint(want) {
					t.Errorf("step %d: traced %v, else %v", i+1, got, want)
				}
			}
			if err := errors.Join(s.Close(), s.Close()); err != nil {
				t.Error(err)
			}
			if fmt.Sprint(ended) != fmt.Sprint([]int{traced}) {
				t.Errorf("the trace was complete after %v steps", ended)
			}
		})
	}
}

// TestTraceStepsEndsAtClose closes before all steps that were to be traced are done.
func TestTraceStepsEndsAtClose(t *testing.T) {
	r, o := openRuntime(t, "ort"), options(t)
	f := fixtures(t)[0]
	_, built, feeds := firstStep(t, r, f, o)
	o.ProfilePrefix = filepath.Join(t.TempDir(), "trace")
	calls := 0
	s, err := runtimes.TraceSteps(r, built, o, 5, func(trace string, err error) {
		if calls++; err != nil || !strings.HasPrefix(trace, o.ProfilePrefix) {
			t.Errorf("trace %q, %v", trace, err)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.SetState(f.initialState(t, built)); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Step(context.Background(), feeds, f.hyper(t, built, 0)); err != nil {
		t.Fatal(err)
	}
	if err := s.Undo(); err != nil {
		t.Error(err)
	}
	if err := errors.Join(s.Close(), s.Close()); err != nil || calls != 1 {
		t.Errorf("closing twice says %v, the trace was complete %d times", err, calls)
	}
	_, err = runtimes.TraceSteps(r, built, options(t), 5, nil)
	errtest.OneLine(t, err, "needs a ProfilePrefix")
	reference, err := runtimes.LookupRuntime("reference")
	if err != nil {
		t.Fatal(err)
	}
	_, err = runtimes.TraceSteps(reference, built, o, 5, nil)
	errtest.OneLine(t, err, "reference writes no trace")
}
