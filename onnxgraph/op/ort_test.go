package op_test

import (
	"fmt"
	"testing"

	"pmx/internal/numtest"
	"pmx/internal/require"
	"pmx/onnxgraph"
	"pmx/onnxgraph/gradcheck"
	"pmx/runtimes"
)

// TestCasesOnORT is the second opinion: each gradient case, values and cotangents,
// once through ONNX Runtime in float32 against Eval. Without the library it is
// skipped, and fails where everything must run (CI=true or PMX_REQUIRE_ALL=1).
func TestCasesOnORT(t *testing.T) {
	runtime, err := runtimes.LookupRuntime("ort")
	if err != nil {
		t.Fatal(err)
	}
	options := runtimes.Options{Threads: 1}
	if _, err := runtime.Version(options); err != nil {
		require.Missing(t, err)
	}
	compared, refused := 0, 0
	for _, schema := range onnxgraph.Operators() {
		for _, c := range gradcheck.Cases(schema.ID()) {
			t.Run(schema.ID()+"/"+c.Name, func(t *testing.T) {
				err := compareRuntimes(runtime, options, schema.ID(), c)
				switch {
				case c.OnlyEval == "" && err != nil:
					t.Error(err)
				case c.OnlyEval != "" && err == nil:
					t.Errorf("ONNX Runtime runs it now: drop OnlyEval (%s)", c.OnlyEval)
				case c.OnlyEval != "":
					refused++
				default:
					compared++
				}
			})
		}
	}
	t.Logf("%d cases agree, %d run on Eval only", compared, refused)
}

// compareRuntimes runs one case in float32 and on Eval.
func compareRuntimes(runtime runtimes.Runtime, options runtimes.Options, id string, c gradcheck.Case) error {
	g, feeds, err := gradcheck.Build(id, c, onnxgraph.Float32)
	if err != nil {
		return err
	}
	want, err := onnxgraph.Eval(g, feeds)
	if err != nil {
		return err
	}
	session, err := runtime.NewInference(&onnxgraph.Model{Graph: g}, options)
	if err != nil {
		return err
	}
	defer session.Close()
	got, err := session.Run(feeds)
	if err != nil {
		return err
	}
	for _, v := range g.Outputs() {
		if !got[v.Name].Shape().Equal(want[v.Name].Shape()) {
			return fmt.Errorf("output %s is %v, Eval gives %v", v.Name, got[v.Name], want[v.Name])
		}
		if err := numtest.Compare(got[v.Name].Float64s(), want[v.Name].Float64s(), numtest.Tolerance("float", numtest.Summed)); err != nil {
			return fmt.Errorf("output %s: %w", v.Name, err)
		}
	}
	return nil
}
