package step

import (
	"encoding/json"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"pmx/onnxgraph"
)

// TestVersion1 reads the description that an earlier build wrote.
func TestVersion1(t *testing.T) {
	const text = `{"version":1,"method":"patchmix","config":{"method":"patchmix","dim":8},
		"state":[{"name":"w","in":"w","out":"w.next","kind":"param","dtype":"float","shape":[2,3]}],
		"batch":[{"name":"view1","dtype":"float","shape":[4,3,8,8]}],"hyper":[{"name":"lr"}],"metrics":["loss","grad_norm"]}`
	m := &onnxgraph.Model{Metadata: map[string]string{Property: text}}
	s, ok, err := Read(m)
	if err != nil || !ok {
		t.Fatal(ok, err)
	}
	if s.Version != 1 || s.Task != "patchmix" || s.Model != m || len(s.State) != 1 || s.State[0].Kind != Param || s.Batch[0].Fill != "" || s.Hyper[0].Name != "lr" {
		t.Errorf("read %+v", s)
	}
	if x, err := s.Batch[0].Feed(rand.New(rand.NewPCG(1, 1))); err != nil || !x.Shape().Equal([]int{4, 3, 8, 8}) {
		t.Errorf("a port without a fill is fed %v, %v", x, err)
	}
}

func TestDescriptionRoundTrip(t *testing.T) {
	s := &Step{
		Version: Version, Task: "toy", Config: json.RawMessage(`{"dim":8}`),
		State: []Tensor{
			{Name: "w", In: "w", Out: "w.next", Kind: Param, DType: "float", Shape: []int{2}},
			{Name: "f", In: "f", Kind: Frozen, DType: "float", Shape: []int{2}},
		},
		Batch: []Port{{Name: "x", DType: "float", Shape: []int{2}, Fill: Uniform}}, Hyper: []Hyper{{"lr"}}, Metrics: []string{MetricLoss},
	}
	text, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(text), `"name":"f","in":"f","out"`) {
		t.Errorf("frozen state has an output: %s", text)
	}
	var read Step
	if err := json.Unmarshal(text, &read); err != nil || !reflect.DeepEqual(&read, s) {
		t.Errorf("read back %+v, %v", read, err)
	}
	for _, version := range []string{"0", "3"} {
		newer := strings.Replace(string(text), `"version":2`, `"version":`+version, 1)
		if err := json.Unmarshal([]byte(newer), &read); err == nil || !strings.Contains(err.Error(), "version "+version) {
			t.Errorf("version %s: %v", version, err)
		}
	}
	if _, ok, err := Read(&onnxgraph.Model{Metadata: map[string]string{Property: "{"}}); !ok || err == nil {
		t.Error("a damaged description is read")
	}
	if _, ok, _ := Read(&onnxgraph.Model{}); ok {
		t.Error("a model without a description has one")
	}
}

// TestFills looks at what each fill promises.
func TestFills(t *testing.T) {
	feed := func(p Port) []float64 {
		t.Helper()
		x, err := p.Feed(rand.New(rand.NewPCG(1, 2)))
		if err != nil {
			t.Fatal(err)
		}
		if x.DType().String() != p.DType {
			t.Errorf("%+v is fed %v", p, x)
		}
		return x.Float64s()
	}
	for i, v := range feed(Port{Name: "t", DType: "float", Shape: []int{3, 2}, Fill: Identity}) {
		if want := []float64{1, 0, 0, 1, 1, 0}[i]; v != want {
			t.Errorf("identity [%d] is %g, want %g", i, v, want)
		}
	}
	for _, v := range feed(Port{DType: "float", Shape: []int{50}, Fill: Ones}) {
		if v != 1 {
			t.Errorf("ones has %g", v)
		}
	}
	for _, v := range feed(Port{DType: "float", Shape: []int{50}, Fill: Uniform}) {
		if v < 0 || v >= 1 {
			t.Errorf("uniform has %g", v)
		}
	}
	for _, v := range feed(Port{DType: "int64", Shape: []int{50}, Fill: Indices}) {
		if v != 0 && v != 1 {
			t.Errorf("indices has %g", v)
		}
	}
	boxes := feed(Port{DType: "float", Shape: []int{2, onnxgraph.Dynamic, 4}, Fill: Boxes})
	if len(boxes) != 8 {
		t.Fatalf("boxes of a size that is not fixed are %v", boxes)
	}
	for i := 0; i < len(boxes); i += 4 {
		if b := boxes[i:]; !(0 <= b[0] && b[0] < b[2] && b[2] <= 32 && 0 <= b[1] && b[1] < b[3] && b[3] <= 32) {
			t.Errorf("box %v", b[:4])
		}
	}
	if _, err := (Port{Name: "x", DType: "float", Shape: []int{1}, Fill: "plaid"}).Feed(rand.New(rand.NewPCG(1, 1))); err == nil || !strings.Contains(err.Error(), `"plaid"`) {
		t.Errorf("an unknown fill: %v", err)
	}
}

// TestInitialState: a parameter does not depend on the others; a copy is one.
func TestInitialState(t *testing.T) {
	normal := func(rng *rand.Rand) []float32 {
		return []float32{float32(rng.NormFloat64()), float32(rng.NormFloat64())}
	}
	tensor := func(name string, kind Kind) Tensor {
		return Tensor{Name: name, Kind: kind, DType: "float", Shape: []int{2}}
	}
	a, b, ema := tensor("a", Param), tensor("b", Param), tensor("ema.a", EMA)
	a.Init, b.Init, ema.CopyOf = normal, normal, "a"
	counter := Tensor{Name: CounterName, Kind: Counter, DType: "int64", Shape: []int{1}}
	state := (&Step{State: []Tensor{a, b, ema, tensor("moment1.a", Moment1), counter}}).InitialState(7)
	alone := (&Step{State: []Tensor{b}}).InitialState(7)
	x := func(s State, name string) []float64 { return s[name].Float64s() }
	if !reflect.DeepEqual(x(state, "b"), x(alone, "b")) || reflect.DeepEqual(x(state, "a"), x(state, "b")) {
		t.Errorf("a %v, b %v, b alone %v", x(state, "a"), x(state, "b"), x(alone, "b"))
	}
	if !reflect.DeepEqual(x(state, "ema.a"), x(state, "a")) || !reflect.DeepEqual(x(state, "moment1.a"), []float64{0, 0}) || state[CounterName].DType() != onnxgraph.Int64 {
		t.Errorf("state %v", state)
	}
}
