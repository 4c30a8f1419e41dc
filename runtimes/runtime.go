package runtimes

import (
	"cmp"
	"context"
	"runtime"

	"pmx/runtimes/kernels"
	"pmx/step"

	"pmx/internal/registry"
	"pmx/onnxgraph"
)

// Runtime executes models. A runtime is one file that registers itself.
type Runtime interface {
	// Name is what --runtime calls it.
	Name() string
	// Version is the version of the library that runs models, or an error that
	// says what is missing and the command that installs it.
	Version(o Options) (string, error)
	// NewSession compiles a training step. Its state is zero until SetState.
	NewSession(step *step.Step, o Options) (Session, error)
	// NewInference compiles any other model, such as an exported encoder.
	NewInference(m *onnxgraph.Model, o Options) (Inference, error)
}

// Options say where and how a runtime executes.
type Options struct {
	// Device is "cpu" (also "") or "cuda".
	Device string
	// Threads is the number of threads of one operator; 0 = one per core (see Threads).
	Threads int
	// Library is the path of the runtime's shared library; "" = the environment
	// variable PMX_ORT_LIB, of ort-training PMX_ORT_TRAINING_LIB, then the installed one.
	Library string
	// Kernels chooses what executes the operators that have a kernel of ours (package
	// kernels) on the CPU: "" or "on" the widest kernels that the processor can run,
	// an instruction set of kernels.ISAs those, "off" their bodies of standard
	// operators. A runtime that takes none (TakesKernels) does not look at it.
	Kernels string
	// ProfilePrefix, if not "", makes the runtime write a trace file whose path
	// begins with it when the session closes.
	ProfilePrefix string

	// externalAbove overrides onnxgraph.ExternalAbove in tests; 0 = it.
	externalAbove int64
	// memory holds the state, in tests; "" is what the device needs.
	memory string
}

// Threads is the number of threads of one operator. Cores are those that Go uses: of
// a container, its share; else what GOMAXPROCS says.
func Threads(o Options) int { return cmp.Or(o.Threads, runtime.GOMAXPROCS(0)) }

// Session is a compiled training step and its state, which stays where the step
// runs. A Session is used by one goroutine at a time.
type Session interface {
	// SetState copies in a tensor for each of the step's state tensors, by name.
	SetState(state step.State) error
	// State copies the state out.
	State() (step.State, error)
	// Step runs one step: feeds for each batch port, numbers for each
	// hyper-parameter. It returns the step's metrics by name. The feeds are not
	// kept. If it fails, the state is as before.
	Step(ctx context.Context, feeds map[string]*onnxgraph.Tensor, hyper map[string]float64) (map[string]float64, error)
	// Undo takes back the last Step: the state before it is still in the other
	// buffer set. It can be called once after each Step.
	Undo() error
	Close() error
}

// Inference is a compiled model without state. It can be used by one goroutine
// at a time.
type Inference interface {
	// Run computes the outputs for feeds by input name. Each call may have another
	// size of the dynamic dimensions.
	Run(feeds map[string]*onnxgraph.Tensor) (map[string]*onnxgraph.Tensor, error)
	Close() error
}

// TakesKernels reports whether a runtime takes kernels of ours on a device.
func TakesKernels(r Runtime, device string) bool {
	k, ok := r.(interface{ takesKernels(device string) bool })
	return ok && k.takesKernels(device)
}

var runtimes = registry.New[Runtime]("runtimes", "runtime")

// RegisterRuntime adds a runtime under its name. It panics on a duplicate.
func RegisterRuntime(r Runtime) Runtime { return runtimes.Add(r.Name(), r) }

// LookupRuntime finds a runtime; the error lists those that exist.
func LookupRuntime(name string) (Runtime, error) { return runtimes.Lookup(name) }

// RuntimeNames lists the registered runtimes.
func RuntimeNames() []string { return runtimes.Names() }

// KernelsOf is which kernels run with options: an instruction set of kernels.ISAs, or
// "off".
func KernelsOf(o Options) string {
	if o.Kernels == "on" || o.Kernels == "" {
		return kernels.ISAs()[0]
	}
	return o.Kernels
}
