package onnxgraph_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pmx/onnxgraph"
)

// Inputs longer than this only make fuzzing slow.
const fuzzBytes = 1 << 14

// FuzzReadModel feeds bytes to every reader of models. What is accepted must
// come back the same from its own bytes and from its own text.
func FuzzReadModel(f *testing.F) {
	paths, err := filepath.Glob("testdata/*.onnxtxt")
	if err != nil {
		f.Fatal(err)
	}
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		m, err := onnxgraph.ParseText(string(text))
		if err != nil {
			continue // elided constants
		}
		data, err := m.Marshal()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	small := sampleMessage(f)
	small.Graph.Initializer[0].Dims = []int64{1, 1, 3}
	small.Graph.Initializer[0].RawData = small.Graph.Initializer[0].RawData[:12]
	f.Add(encoded(f, small))
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > fuzzBytes {
			return
		}
		_, describeErr := onnxgraph.Describe(data)
		_, tensorErr := onnxgraph.TensorFromProtoBytes(data)
		m, err := onnxgraph.ReadModel(data)
		for _, err := range []error{describeErr, tensorErr, err} {
			checkError(t, err)
		}
		if err != nil {
			return
		}
		if describeErr != nil {
			t.Fatalf("a good model has no description: %v", describeErr)
		}
		checkAgain(t, m)
	})
}

// FuzzParseText feeds text to the parser, with the same property.
func FuzzParseText(f *testing.F) {
	paths, err := filepath.Glob("testdata/*.onnxtxt")
	if err != nil {
		f.Fatal(err)
	}
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(text))
	}
	f.Add(`g (float[2] x) => (float[] y) { a, "" = Split (x) y = Neg <a: ints = [], b = "s"> (a) }`)
	f.Add(`<opset_import: ["" : 17]> g (float x) => (float y) { y = my.F <a = 2.0> (x) }
		<domain: "my", opset_import: ["" : 17]> F <a, k: int = 0> (p) => (q) { c = Constant <value_float: float = @a> () q = Mul (p, c) }`)
	f.Fuzz(func(t *testing.T, text string) {
		if len(text) > fuzzBytes {
			return
		}
		m, err := onnxgraph.ParseText(text)
		checkError(t, err)
		if err == nil {
			checkAgain(t, m)
		}
	})
}

// checkAgain writes an accepted model and reads it back. Writing may be refused,
// as where two nodes need other bodies of one function.
func checkAgain(t *testing.T, m *onnxgraph.Model) {
	t.Helper()
	data, err := m.Marshal()
	checkError(t, err)
	if err != nil {
		return
	}
	again, err := onnxgraph.ReadModel(data)
	if err != nil {
		t.Fatalf("its own bytes are refused: %v\n%s", err, m)
	}
	twice, err := again.Marshal()
	if err != nil || !bytes.Equal(data, twice) {
		t.Fatalf("the bytes changed (%v)\n%s\n%s", err, m, again)
	}
	text, err := m.Text(-1)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := onnxgraph.ParseText(text)
	if err != nil {
		t.Fatalf("its own text is refused: %v\n%s", err, text)
	}
	if got, err := parsed.Text(-1); err != nil || got != text {
		t.Fatalf("the text changed (%v)\n%s\n%s", err, text, got)
	}
}

// checkError wants errors of one line that begin with the package, and none that
// hides a fault of an operator's shape inference.
func checkError(t *testing.T, err error) {
	t.Helper()
	if err == nil {
		return
	}
	if s := err.Error(); !strings.HasPrefix(s, "onnxgraph: ") || strings.Contains(s, "\n") || strings.Contains(s, "shape inference failed") {
		t.Fatalf("a poor error: %q", s)
	}
}
