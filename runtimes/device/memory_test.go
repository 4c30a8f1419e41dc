package device_test

import (
	"bytes"
	"math/rand/v2"
	"strings"
	"testing"
	"unsafe"

	"pmx/internal/errtest"
	"pmx/internal/memtest"
	"pmx/internal/require"
	"pmx/onnxgraph"
	"pmx/runtimes/device"
	"pmx/runtimes/orttraining"
	"pmx/runtimes/runtimelib"
)

// sessions of the copying model, on the CPU.
type sessions struct {
	library *orttraining.Library
	model   []byte
}

func newSessions(t *testing.T) sessions {
	t.Helper()
	installer, err := runtimelib.NewInstaller()
	if err != nil {
		t.Fatal(err)
	}
	found, err := installer.Find(runtimelib.ORTTraining, "")
	if err != nil {
		require.Missing(t, err)
	}
	library, err := orttraining.Open(found.Path)
	if err != nil {
		t.Fatal(err)
	}
	m, err := device.Model()
	if err != nil {
		t.Fatal(err)
	}
	model, err := m.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	return sessions{library, model}
}

func (s sessions) open(t *testing.T) *orttraining.Session {
	t.Helper()
	o, err := s.library.NewSessionOptions(orttraining.Options{Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer o.Close()
	session, err := s.library.NewSession(s.model, o)
	if err != nil {
		t.Fatal(err)
	}
	return session
}

// memory is that of a session on the CPU.
func (s sessions) memory(t *testing.T) (m *device.Memory, done func()) {
	t.Helper()
	session := s.open(t)
	m, err := device.Open(s.library.Loaded(), session.Pointer(), s.open(t), device.CPU)
	if err != nil {
		t.Fatal(err)
	}
	return m, func() {
		m.Close()
		session.Close()
	}
}

// random is a tensor of random bytes.
func random(t *testing.T, seed uint64, dtype onnxgraph.DType, shape ...int) *onnxgraph.Tensor {
	t.Helper()
	data := make([]byte, onnxgraph.Shape(shape).Size()*dtype.Size())
	source := rand.New(rand.NewPCG(seed, 0))
	for i := range data {
		data[i] = byte(source.Uint32())
	}
	x, err := onnxgraph.TensorFromBytes(dtype, shape, data)
	if err != nil {
		t.Fatal(err)
	}
	return x
}

// TestWriteAndRead brings tensors to the device and back: of every size class of the
// pieces in which they are copied, and several at a time.
func TestWriteAndRead(t *testing.T) {
	m, done := newSessions(t).memory(t)
	defer done()
	const piece = 16 << 20 // bytes that are copied at once
	var there []*device.Tensor
	var want []*onnxgraph.Tensor
	for i, c := range []struct {
		dtype onnxgraph.DType
		shape []int
	}{
		{onnxgraph.Float32, []int{3, 5, 7}},
		{onnxgraph.Int64, []int{1}},
		{onnxgraph.Float64, nil},
		{onnxgraph.Float32, []int{0, 4}},
		{onnxgraph.Uint8, []int{piece - 1}},
		{onnxgraph.Float32, []int{4, piece / 16}},
		{onnxgraph.Uint8, []int{piece + 1}},
		{onnxgraph.Float64, []int{2*piece/8 + 3}},
	} {
		x, err := m.NewTensor(c.dtype, c.shape)
		if err != nil {
			t.Fatal(err)
		}
		defer x.Close()
		w := random(t, uint64(i), c.dtype, c.shape...)
		if err := x.Write(w); err != nil {
			t.Fatal(err)
		}
		there, want = append(there, x), append(want, w)
	}
	for i, x := range there {
		for range 2 { // reading changes nothing
			got, err := x.Read()
			if err != nil {
				t.Fatal(err)
			}
			if got.DType() != want[i].DType() || !got.Shape().Equal(want[i].Shape()) || !bytes.Equal(got.Bytes(), want[i].Bytes()) {
				t.Errorf("%v came back other than %v went", got, want[i])
			}
		}
	}
}

// TestNewIsZero allocates where there was another tensor.
func TestNewIsZero(t *testing.T) {
	m, done := newSessions(t).memory(t)
	defer done()
	places := map[unsafe.Pointer]int{}
	for i := range 4 {
		x, err := m.NewTensor(onnxgraph.Float32, []int{5 << 20}) // of two pieces
		if err != nil {
			t.Fatal(err)
		}
		places[device.Data(x)]++
		got, err := x.Read()
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got.Bytes(), make([]byte, len(got.Bytes()))) {
			t.Errorf("tensor %d is not zero", i)
		}
		if err := x.Write(random(t, 1, onnxgraph.Float32, 5<<20)); err != nil {
			t.Fatal(err)
		}
		x.Close()
	}
	if len(places) == 4 {
		t.Error("no tensor was allocated where there was another: the test shows nothing")
	}
}

// TestRunInPlace runs a session on tensors of the device.
func TestRunInPlace(t *testing.T) {
	s := newSessions(t)
	session := s.open(t)
	defer session.Close()
	m, err := device.Open(s.library.Loaded(), session.Pointer(), s.open(t), device.CPU)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	from, err := m.NewTensor(onnxgraph.Uint8, []int{9})
	if err != nil {
		t.Fatal(err)
	}
	defer from.Close()
	to, err := m.NewTensor(onnxgraph.Uint8, []int{9})
	if err != nil {
		t.Fatal(err)
	}
	defer to.Close()
	want := random(t, 1, onnxgraph.Uint8, 9)
	if err := from.Write(want); err != nil {
		t.Fatal(err)
	}
	if err := session.Run([]*orttraining.Value{s.library.Borrow(from.Pointer())}, []*orttraining.Value{s.library.Borrow(to.Pointer())}); err != nil {
		t.Fatal(err)
	}
	got, err := to.Read()
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got.Bytes(), want.Bytes()) {
		t.Errorf("the run wrote %v, want %v", got.Bytes(), want.Bytes())
	}
}

// TestRefuses: what is wrong is one line.
func TestRefuses(t *testing.T) {
	s := newSessions(t)
	session := s.open(t)
	defer session.Close()
	for _, c := range []struct{ name, words string }{
		{device.CUDA, `device: memory "Cuda" of the session: No requested allocator available`},
		{"Abacus", `device: memory "Abacus" of the session: `},
	} {
		copies := s.open(t)
		_, err := device.Open(s.library.Loaded(), session.Pointer(), copies, c.name)
		errtest.OneLine(t, err, c.words)
		if copies.Pointer() != nil {
			t.Errorf("%s: the session that copies is left open", c.name)
		}
	}
	m, done := s.memory(t)
	defer done()
	_, err := m.NewTensor(onnxgraph.Float32, []int{1 << 40, 1 << 10}) // 4 PiB
	errtest.OneLine(t, err, "device: float[1099511627776 1024]: ")
	x, err := m.NewTensor(onnxgraph.Float32, []int{2, 3})
	if err != nil {
		t.Fatal(err)
	}
	const words = "device: a tensor is %s, want float[2 3]"
	errtest.OneLine(t, x.Write(onnxgraph.Zeros(onnxgraph.Float32, []int{3, 2})), strings.ReplaceAll(words, "%s", "float[3 2]"))
	errtest.OneLine(t, x.Write(onnxgraph.Zeros(onnxgraph.Int64, []int{2, 3})), strings.ReplaceAll(words, "%s", "int64[2 3]"))
	for range 2 { // closing twice does no harm
		if err := x.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if x.Pointer() != nil {
		t.Error("a closed tensor has a pointer")
	}
	errtest.OneLine(t, x.Write(onnxgraph.Zeros(onnxgraph.Float32, []int{2, 3})), "device: float[2 3] to the device: the tensor is closed")
	_, err = x.Read()
	errtest.OneLine(t, err, "device: float[2 3] from the device: the tensor is closed")
}

// TestNoLeaks watches memory over 10,000 copies there and back, over tensors of 1 MB
// and over memories, each with two sessions.
func TestNoLeaks(t *testing.T) {
	s := newSessions(t)
	session := s.open(t)
	defer session.Close()
	m, done := s.memory(t)
	defer done()
	small, err := m.NewTensor(onnxgraph.Float32, []int{4})
	if err != nil {
		t.Fatal(err)
	}
	defer small.Close()
	value := random(t, 1, onnxgraph.Float32, 4)
	memtest.Grows(t, 256<<10, func() {
		for range 10000 {
			if err := small.Write(value); err != nil {
				t.Fatal(err)
			}
			if _, err := small.Read(); err != nil {
				t.Fatal(err)
			}
		}
		for range 50 {
			x, err := m.NewTensor(onnxgraph.Uint8, []int{1 << 20})
			if err != nil {
				t.Fatal(err)
			}
			x.Close()
		}
	})
	memtest.Grows(t, 1<<20, func() {
		for range 50 {
			m, done := s.memory(t)
			x, err := m.NewTensor(onnxgraph.Uint8, []int{1 << 16})
			if err != nil {
				t.Fatal(err)
			}
			x.Close()
			done()
			if _, err := device.Open(s.library.Loaded(), session.Pointer(), s.open(t), device.CUDA); err == nil {
				t.Fatal("a session on the CPU has memory of a GPU")
			}
		}
	})
}

// TestClosedTooEarly: a memory with a tensor in it is not closed, and then it is.
func TestClosedTooEarly(t *testing.T) {
	m, done := newSessions(t).memory(t)
	defer done()
	x, err := m.NewTensor(onnxgraph.Float32, []int{4})
	if err != nil {
		t.Fatal(err)
	}
	errtest.OneLine(t, m.Close(), "device: the memory is closed before 1 of its tensors")
	if err := x.Close(); err != nil {
		t.Error(err)
	}
	if err := m.Close(); err != nil {
		t.Error(err)
	}
}

var _ device.Session = (*orttraining.Session)(nil)
