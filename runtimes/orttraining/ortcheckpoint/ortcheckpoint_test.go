package ortcheckpoint_test

import (
	"bytes"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"pmx/onnxgraph"
	"pmx/runtimes/orttraining/ortcheckpoint"
)

// sample has one of everything.
func sample() *ortcheckpoint.Checkpoint {
	w := onnxgraph.NewTensor([]int{2, 3}, []float32{1, -2, 3.5, float32(math.Inf(1)), 5, 6})
	b := onnxgraph.NewTensor([]int{3}, []float32{.1, .2, .3})
	return &ortcheckpoint.Checkpoint{
		Trainable: []ortcheckpoint.Parameter{{Name: "fc.weight", Value: w}, {Name: "fc.bias", Value: b}},
		Frozen: []ortcheckpoint.Parameter{
			{Name: "scalar", Value: onnxgraph.ScalarTensor(float32(7))},
			{Name: "step", Value: onnxgraph.NewTensor([]int{1}, []int64{math.MaxInt64})},
			{Name: "flags", Value: onnxgraph.NewTensor([]int{3}, []bool{true, false, true})},
			{Name: "half", Value: onnxgraph.Bits16(onnxgraph.Float16, []int{1}, []uint16{0x3c00})},
			{Name: "empty", Value: onnxgraph.Zeros(onnxgraph.Float32, []int{0, 4})},
		},
		Groups: []ortcheckpoint.OptimizerGroup{{
			Name: "group0", Step: 12, InitialLearningRate: 1e-3,
			Moments: []ortcheckpoint.Moments{{Param: "fc.weight", First: w.Clone(), Second: w.Clone()}, {Param: "fc.bias", First: b.Clone(), Second: b.Clone()}},
		}, {Name: "sgd", Step: 1, Moments: []ortcheckpoint.Moments{{Param: "fc.bias"}}}},
		Ints:    map[string]int64{"epoch": 3, "zero": 0, "least": math.MinInt64},
		Floats:  map[string]float32{"lr": .5},
		Strings: map[string]string{"method": "patchmix", "none": ""},
	}
}

// equal compares checkpoints; tensors by type, shape and bytes.
var equal = cmp.Options{
	cmpopts.EquateEmpty(),
	cmp.Comparer(func(a, b *onnxgraph.Tensor) bool {
		if a == nil || b == nil {
			return a == b
		}
		return a.DType() == b.DType() && a.Shape().Equal(b.Shape()) && bytes.Equal(a.Bytes(), b.Bytes())
	}),
}

func encode(t *testing.T, c *ortcheckpoint.Checkpoint) []byte {
	t.Helper()
	data, err := ortcheckpoint.Encode(c)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestRoundTrip(t *testing.T) {
	for name, c := range map[string]*ortcheckpoint.Checkpoint{"full": sample(), "empty": {}} {
		t.Run(name, func(t *testing.T) {
			data := encode(t, c)
			if again := encode(t, c); !bytes.Equal(again, data) {
				t.Error("the same checkpoint gives other bytes")
			}
			got, err := ortcheckpoint.Decode(data)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c, got, equal); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

func TestLayout(t *testing.T) {
	data := encode(t, sample())
	if !ortcheckpoint.Like(data[:8]) || ortcheckpoint.Like(data[:7]) || ortcheckpoint.Like(data[1:9]) {
		t.Error("a checkpoint is not told from other files by its first 8 bytes")
	}
	if string(data[4:8]) != "ODTC" {
		t.Errorf("identifier %q, want ODTC at bytes 4 to 7", data[4:8])
	}
}

func TestEncodeRefuses(t *testing.T) {
	b := onnxgraph.NewTensor([]int{3}, []float32{1, 2, 3})
	other := onnxgraph.NewTensor([]int{1, 3}, []float32{1, 2, 3})
	huge := onnxgraph.Zeros(onnxgraph.Uint8, []int{256 << 20}) // never touched, so never in memory
	var big []ortcheckpoint.Parameter
	for i := range 8 {
		big = append(big, ortcheckpoint.Parameter{Name: fmt.Sprint(i), Value: huge})
	}
	p := func(name string) []ortcheckpoint.Parameter { return []ortcheckpoint.Parameter{{Name: name, Value: b}} }
	group := func(m ...ortcheckpoint.Moments) *ortcheckpoint.Checkpoint {
		return &ortcheckpoint.Checkpoint{Trainable: p("w"), Frozen: p("f"), Groups: []ortcheckpoint.OptimizerGroup{{Name: "g", Moments: m}}}
	}
	for want, c := range map[string]*ortcheckpoint.Checkpoint{
		"parameter 0 has no name":                                     {Trainable: p("")},
		`parameter "w" is listed twice`:                               {Trainable: p("w"), Frozen: p("w")},
		`parameter "w" has no value`:                                  {Trainable: []ortcheckpoint.Parameter{{Name: "w"}}},
		`optimizer group "g" is listed twice`:                         {Groups: []ortcheckpoint.OptimizerGroup{{Name: "g"}, {Name: "g"}}},
		`it has moments of "f", which is no trainable parameter`:      group(ortcheckpoint.Moments{Param: "f", First: b, Second: b}),
		`it has moments of "w" twice`:                                 group(ortcheckpoint.Moments{Param: "w"}, ortcheckpoint.Moments{Param: "w"}),
		`it has one moment of "w": want both or none`:                 group(ortcheckpoint.Moments{Param: "w", First: b}),
		`a moment of "w" is float[1 3], want float[3]`:                group(ortcheckpoint.Moments{Param: "w", First: b, Second: other}),
		"a property has two types":                                    {Ints: map[string]int64{"x": 1}, Floats: map[string]float32{"x": 1}},
		"the checkpoint needs 2.00 GiB, the format ends at 2 GiB: tr": {Trainable: big},
	} {
		_, err := ortcheckpoint.Encode(c)
		if err == nil || !strings.Contains(err.Error(), want) || !strings.HasPrefix(err.Error(), "ortcheckpoint: ") {
			t.Errorf("got error %v, want %q", err, want)
		}
	}
}

func TestDecodeRefuses(t *testing.T) {
	good := encode(t, sample())
	change := func(at int, to ...byte) []byte {
		return append(append(append([]byte(nil), good[:at]...), to...), good[at+len(to):]...)
	}
	for name, c := range map[string]struct {
		data []byte
		want string
	}{
		"nothing":      {nil, "less than 8 bytes"},
		"ONNX":         {[]byte("\x08\x08\x12\x07pytorch"), "its identifier is"},
		"other format": {change(4, 'X'), `its identifier is "XDTC", want "ODTC"`},
		"root outside": {change(0, 0xff, 0xff, 0xff, 0x7f), "does not lie in"},
		"root askew":   {change(0, good[0]+1), "not aligned"},
		"half of it":   {good[:len(good)/2], "truncated or damaged"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := ortcheckpoint.Decode(c.data)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got error %v, want %q", err, c.want)
			}
		})
	}
	t.Run("every cut", func(t *testing.T) {
		for n := range good {
			if _, err := ortcheckpoint.Decode(good[:n]); err == nil && !onlyPadding(good[n:]) {
				t.Errorf("the first %d of %d bytes are read without an error", n, len(good))
			}
		}
	})
}

func onlyPadding(b []byte) bool { return len(bytes.Trim(b, "\x00")) == 0 }

// FuzzDecode asks that any bytes give an error or a checkpoint that survives a
// round trip, in bounded memory.
func FuzzDecode(f *testing.F) {
	for _, c := range []*ortcheckpoint.Checkpoint{sample(), {}} {
		data, err := ortcheckpoint.Encode(c)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := ortcheckpoint.Decode(data)
		if err != nil {
			return
		}
		again, err := ortcheckpoint.Decode(encode(t, c))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(c, again, equal, cmpopts.EquateNaNs()); diff != "" {
			t.Errorf("(-first +again)\n%s", diff)
		}
	})
}
