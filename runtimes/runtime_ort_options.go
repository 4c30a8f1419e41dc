package runtimes

import (
	"fmt"
	"reflect"

	ort "github.com/yalue/onnxruntime_go"

	"pmx/onnxgraph"
	"pmx/runtimes/cuda"
	"pmx/runtimes/kernels"
	"pmx/runtimes/runtimelib"
)

// spinDuration is how long a thread waits for work before it sleeps, in microseconds.
// ONNX Runtime's own is long, and takes the core from the workers that make the next
// batch, or from other programs: a small step beside them took four times as long.
const spinDuration = "20"

func ortOptions(m *onnxgraph.Model, o Options) (*ort.SessionOptions, error) {
	options, err := ort.NewSessionOptions()
	if err != nil {
		return nil, fmt.Errorf("runtimes: ONNX Runtime: %w", err)
	}
	set := []func() error{
		func() error { return options.SetIntraOpNumThreads(Threads(o)) },
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
			return nil, fmt.Errorf("runtimes: ONNX Runtime options: %w", err)
		}
	}
	return options, nil
}

// cudaSettings are options of the CUDA provider. Products are computed in float32, as
// PyTorch does unless told otherwise: TF32, ONNX Runtime's default, keeps 10 bits of a
// factor. The algorithm of a convolution follows from its shape; the default tries all
// and takes the fastest, so that a resumed run could round differently.
var cudaSettings = map[string]string{"device_id": "0", "use_tf32": "0", "cudnn_conv_algo_search": "HEURISTIC"}

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
		if err := provider.Update(cudaSettings); err != nil {
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
	return kernels.Register(loadedORT(), c.UnsafePointer(), isa, operators)
}
