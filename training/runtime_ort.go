package training

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"runtime"
	"strconv"
	"sync"

	ort "github.com/yalue/onnxruntime_go"

	"pmx/artifacts/runtimelib"
	"pmx/artifacts/wheellib/probe"
	"pmx/builders"
	"pmx/onnxgraph"
	"pmx/training/cuda"
	"pmx/training/kernels"
)

// stockORT runs models on the official ONNX Runtime library through
// github.com/yalue/onnxruntime_go, on its CPU or CUDA execution provider.
type stockORT struct{}

var _ = RegisterRuntime(stockORT{})

func (stockORT) Name() string { return "ort" }

// On a GPU the bodies run, which ONNX Runtime has operators for.
func (stockORT) takesKernels(device string) bool { return device != "cuda" }

func (stockORT) Version(o Options) (string, error) {
	if err := loadORT(o); err != nil {
		return "", err
	}
	options, err := ort.NewSessionOptions() // of no session, to load what the device needs
	if err != nil {
		return "", fmt.Errorf("training: ONNX Runtime: %w", err)
	}
	defer options.Destroy()
	if err := addDevice(options, o.Device); err != nil {
		return "", fmt.Errorf("training: %w", err)
	}
	return ort.GetVersion(), nil
}

func (stockORT) NewSession(step *builders.Step, o Options) (Session, error) {
	if err := loadORT(o); err != nil {
		return nil, err
	}
	s := &ortSession{}
	ok := false
	defer func() {
		if !ok {
			s.Close()
		}
	}()
	for _, t := range step.State {
		s.inputs, s.outputs = append(s.inputs, t.In), append(s.outputs, t.Out)
	}
	for _, p := range step.Batch {
		s.inputs = append(s.inputs, p.Name)
	}
	for _, h := range step.Hyper {
		buffer, err := newNumber()
		if err != nil {
			return nil, err
		}
		s.hyper = append(s.hyper, buffer)
		s.inputs = append(s.inputs, h.Name)
	}
	for _, name := range step.Metrics {
		buffer, err := newNumber()
		if err != nil {
			return nil, err
		}
		s.metrics = append(s.metrics, buffer)
		s.outputs = append(s.outputs, name)
	}
	var err error
	if s.session, err = newORTSession(step.Model, s.inputs, s.outputs, o); err != nil {
		return nil, err
	}
	memory, err := newORTMemory(s.session, o)
	if err != nil {
		return nil, err
	}
	if s.stateSets, err = newStateSets(step, memory, lendORT, borrowORT); err != nil {
		return nil, err
	}
	ok = true
	return s, nil
}

func (stockORT) NewInference(m *onnxgraph.Model, o Options) (Inference, error) {
	if err := loadORT(o); err != nil {
		return nil, err
	}
	inf := &ortInference{graph: m.Graph}
	for _, v := range m.Graph.Inputs() {
		inf.inputs = append(inf.inputs, v.Name)
	}
	for _, v := range m.Graph.Outputs() {
		inf.outputs = append(inf.outputs, v.Name)
	}
	var err error
	if inf.session, err = newORTSession(m, inf.inputs, inf.outputs, o); err != nil {
		return nil, err
	}
	return inf, nil
}

// newORTSession compiles a model with the options of every session of ours.
func newORTSession(m *onnxgraph.Model, inputs, outputs []string, o Options) (*ort.DynamicAdvancedSession, error) {
	options, err := ortOptions(m, o)
	if err != nil {
		return nil, err
	}
	defer options.Destroy()
	var session *ort.DynamicAdvancedSession
	err = openModel(m, o, func(data []byte) error {
		session, err = ort.NewDynamicAdvancedSessionWithONNXData(data, inputs, outputs, options)
		return ortRefusal(err)
	}, func(path string) error {
		session, err = ort.NewDynamicAdvancedSession(path, inputs, outputs, options)
		return ortRefusal(err)
	})
	return session, err
}

func ortRefusal(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("training: ONNX Runtime %s refuses the model: %w", ort.GetVersion(), err)
}

// spinDuration is how long a thread waits for work before it sleeps, in microseconds.
// ONNX Runtime's own is long, and takes the core from the workers that make the next
// batch, or from other programs: a small step beside them took four times as long.
const spinDuration = "20"

func ortOptions(m *onnxgraph.Model, o Options) (*ort.SessionOptions, error) {
	threads := o.Threads
	if threads == 0 {
		threads = runtime.NumCPU()
	}
	options, err := ort.NewSessionOptions()
	if err != nil {
		return nil, fmt.Errorf("training: ONNX Runtime: %w", err)
	}
	set := []func() error{
		func() error { return options.SetIntraOpNumThreads(threads) },
		func() error { return options.SetInterOpNumThreads(1) },
		func() error { return options.AddSessionConfigEntry("session.intra_op.spin_duration_us", spinDuration) },
		// Memory planned as one block holds what is never alive at once: without the
		// plan a step of ViT-T needs 2.4 GiB instead of 4.1.
		func() error { return options.SetMemPattern(false) },
		func() error { return options.SetGraphOptimizationLevel(ort.GraphOptimizationLevelEnableAll) },
		func() error {
			if o.ProfilePrefix == "" {
				return nil
			}
			return options.EnableProfiling(o.ProfilePrefix)
		},
		func() error { return addDevice(options, o.Device) },
		func() error { return addKernels(options, m, o) },
	}
	for _, f := range set {
		if err := f(); err != nil {
			options.Destroy()
			return nil, fmt.Errorf("training: ONNX Runtime options: %w", err)
		}
	}
	return options, nil
}

// addDevice appends the execution provider of the device.
func addDevice(options *ort.SessionOptions, device string) error {
	switch device {
	case "", "cpu":
		return nil
	case "cuda":
		provider, err := ort.NewCUDAProviderOptions()
		if err != nil {
			return cuda.Refused(runtimelib.ORTCUDA, err)
		}
		defer provider.Destroy()
		if err := provider.Update(map[string]string{"device_id": strconv.Itoa(0)}); err != nil {
			return cuda.Refused(runtimelib.ORTCUDA, err)
		}
		if err := options.AppendExecutionProviderCUDA(provider); err != nil {
			return cuda.Refused(runtimelib.ORTCUDA, err)
		}
		return nil
	}
	return fmt.Errorf("unknown device %q: want cpu or cuda", device)
}

// addKernels registers our kernels. onnxruntime_go has no call for it, but keeps
// the C options in a field.
func addKernels(options *ort.SessionOptions, m *onnxgraph.Model, o Options) error {
	isa := o.Kernels
	switch {
	case isa == "off" || !TakesKernels(stockORT{}, o.Device):
		return nil
	case isa == "on":
		isa = ""
	}
	c := reflect.ValueOf(options).Elem().FieldByName("o")
	if c.Kind() != reflect.Pointer {
		return fmt.Errorf("cannot reach the options that onnxruntime_go holds; --kernels off runs without kernels")
	}
	var operators []string
	for _, n := range m.Graph.Nodes() {
		operators = append(operators, n.Op.ID())
	}
	ortLibrary.Lock()
	defer ortLibrary.Unlock()
	return kernels.Register(ortLibrary.path, c.UnsafePointer(), isa, operators)
}

// The library is loaded once per process: it has one global environment.
var ortLibrary struct {
	sync.Mutex
	path string
}

// ortAPI is the version of the C API that onnxruntime_go asks for.
const ortAPI = 24

// loadORT loads the library, once all is there that it and the device need.
func loadORT(o Options) error {
	path, err := findORT(o)
	if err != nil {
		return err
	}
	if o.Device == "cuda" {
		if err := cuda.Check(runtimelib.ORTCUDA, path); err != nil {
			return fmt.Errorf("training: %w", err)
		}
	}
	ortLibrary.Lock()
	defer ortLibrary.Unlock()
	if ort.IsInitialized() && path == ortLibrary.path {
		return nil
	}
	const remedy = "`pmx runtime install` brings a library that fits"
	info, err := probe.Load(path)
	if err != nil {
		return fmt.Errorf("training: cannot load ONNX Runtime: %w; %s", err, remedy)
	}
	if info.API < ortAPI { // asked for a version that it has not, the library would print so
		return fmt.Errorf("training: %s is ONNX Runtime %s, without version %d of the C API; %s", path, info.Version, ortAPI, remedy)
	}
	if ort.IsInitialized() {
		return fmt.Errorf("training: %s is loaded already, a process cannot load %s too", ortLibrary.path, path)
	}
	ort.SetSharedLibraryPath(path)
	// Every error is returned, so none is printed besides.
	if err := ort.InitializeEnvironment(ort.WithLogLevelFatal()); err != nil {
		return fmt.Errorf("training: cannot load ONNX Runtime from %s: %w; %s", path, err, remedy)
	}
	ortLibrary.path = path
	return nil
}

// buffer is a tensor whose memory ONNX Runtime reads and writes in place.
type buffer struct {
	tensor *onnxgraph.Tensor
	value  *ort.CustomDataTensor
}

// newNumber is a buffer of one float.
func newNumber() (buffer, error) { return wrap(onnxgraph.Zeros(onnxgraph.Float32, []int{1})) }

func wrap(t *onnxgraph.Tensor) (buffer, error) {
	shape := t.Shape().Int64()
	if len(shape) == 0 {
		return buffer{}, fmt.Errorf("training: onnxruntime_go takes no tensor of rank 0")
	}
	v, err := ort.NewCustomDataTensor(shape, t.Bytes(), ort.TensorElementDataType(t.DType()))
	if err != nil {
		return buffer{}, fmt.Errorf("training: %v: %w", t, err)
	}
	return buffer{t, v}, nil
}

func (b buffer) destroy() {
	if b.value != nil {
		b.value.Destroy()
	}
}

// ortSession is a step with its state, and buffers for a number each.
type ortSession struct {
	*stateSets[ort.Value]
	session         *ort.DynamicAdvancedSession
	inputs, outputs []string
	hyper, metrics  []buffer
}

func (s *ortSession) Step(ctx context.Context, feeds map[string]*onnxgraph.Tensor, hyper map[string]float64) (map[string]float64, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if s.session == nil {
		return nil, errStepClosed
	}
	if err := checkFeeds(s.step, feeds, hyper); err != nil {
		return nil, err
	}
	in, out := make([]ort.Value, 0, len(s.inputs)), make([]ort.Value, 0, len(s.outputs))
	for _, t := range s.current() {
		in = append(in, t.value)
	}
	for _, p := range s.step.Batch {
		b, err := wrap(feeds[p.Name])
		if err != nil {
			return nil, err
		}
		defer b.destroy()
		in = append(in, b.value)
	}
	for i, h := range s.step.Hyper {
		onnxgraph.Data[float32](s.hyper[i].tensor)[0] = float32(hyper[h.Name])
		in = append(in, s.hyper[i].value)
	}
	for _, t := range s.next() {
		out = append(out, t.value)
	}
	for _, m := range s.metrics {
		out = append(out, m.value)
	}
	if err := s.session.Run(in, out); err != nil {
		return nil, fmt.Errorf("training: step: %w", err)
	}
	s.stepped()
	metrics := make(map[string]float64, len(s.metrics))
	for i, name := range s.step.Metrics {
		metrics[name] = float64(onnxgraph.Data[float32](s.metrics[i].tensor)[0])
	}
	return metrics, nil
}

func (s *ortSession) Close() error {
	for _, list := range [][]buffer{s.hyper, s.metrics} {
		for _, b := range list {
			b.destroy()
		}
	}
	s.hyper, s.metrics = nil, nil
	var errs []error
	if s.stateSets != nil {
		errs = append(errs, s.stateSets.close()) // before the session that it may lie in the memory of
	}
	if s.session != nil {
		errs = append(errs, s.session.Destroy())
		s.session = nil
	}
	return errors.Join(errs...)
}

type ortInference struct {
	graph           *onnxgraph.Graph
	session         *ort.DynamicAdvancedSession
	inputs, outputs []string
}

func (s *ortInference) Run(feeds map[string]*onnxgraph.Tensor) (map[string]*onnxgraph.Tensor, error) {
	in, out := make([]ort.Value, len(s.inputs)), make([]ort.Value, len(s.outputs))
	for i, name := range s.inputs {
		if feeds[name] == nil {
			return nil, fmt.Errorf("training: input %s is not fed", name)
		}
		b, err := wrap(feeds[name])
		if err != nil {
			return nil, err
		}
		defer b.destroy()
		in[i] = b.value
	}
	if err := s.session.Run(in, out); err != nil {
		return nil, fmt.Errorf("training: inference: %w", err)
	}
	defer func() {
		for _, v := range out {
			v.Destroy()
		}
	}()
	results := map[string]*onnxgraph.Tensor{}
	for i, name := range s.outputs {
		t, err := copyOut(out[i])
		if err != nil {
			return nil, fmt.Errorf("training: output %s: %w", name, err)
		}
		results[name] = t
	}
	return results, nil
}

// copyOut copies a tensor that ONNX Runtime allocated.
func copyOut(v ort.Value) (*onnxgraph.Tensor, error) {
	shape := make([]int, len(v.GetShape()))
	for i, d := range v.GetShape() {
		shape[i] = int(d)
	}
	switch t := v.(type) {
	case *ort.Tensor[float32]:
		return onnxgraph.NewTensor(shape, append([]float32(nil), t.GetData()...)), nil
	case *ort.Tensor[float64]:
		return onnxgraph.NewTensor(shape, append([]float64(nil), t.GetData()...)), nil
	case *ort.Tensor[int64]:
		return onnxgraph.NewTensor(shape, append([]int64(nil), t.GetData()...)), nil
	case *ort.Tensor[int32]:
		return onnxgraph.NewTensor(shape, append([]int32(nil), t.GetData()...)), nil
	case *ort.Tensor[uint8]:
		return onnxgraph.NewTensor(shape, append([]uint8(nil), t.GetData()...)), nil
	case *ort.Tensor[bool]:
		return onnxgraph.NewTensor(shape, append([]bool(nil), t.GetData()...)), nil
	}
	return nil, fmt.Errorf("element type %v is not read", v.DataType())
}

func (s *ortInference) Close() error { return s.session.Destroy() }
