package runtimes

import (
	"fmt"

	"pmx/step"

	"pmx/onnxgraph"
	"pmx/runtimes/orttraining"
	"pmx/runtimes/runtimelib"
)

// trainingORT runs models on the official ONNX Runtime Training library. It takes
// the library's own kernels for the gradient operators, of which stock ONNX
// Runtime computes the bodies that the models bring.
type trainingORT struct{}

var _ = RegisterRuntime(trainingORT{})

func (trainingORT) Name() string { return "ort-training" }

func (trainingORT) Version(o Options) (string, error) {
	library, err := openORTTraining(o)
	if err != nil {
		return "", err
	}
	options, err := newORTTrainingOptions(library, o) // loads what the device needs
	if err != nil {
		return "", err
	}
	return library.Version(), options.Close()
}

func (trainingORT) NewSession(step *step.Step, o Options) (Session, error) {
	library, err := openORTTraining(o)
	if err != nil {
		return nil, err
	}
	session, err := newORTTrainingSession(library, step.Model, o)
	if err != nil {
		return nil, err
	}
	s := &ortTrainingStep{library: library, session: session}
	if err := s.build(step, o); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

func (trainingORT) NewInference(m *onnxgraph.Model, o Options) (Inference, error) {
	library, err := openORTTraining(o)
	if err != nil {
		return nil, err
	}
	session, err := newORTTrainingSession(library, m, o)
	if err != nil {
		return nil, err
	}
	return ortTrainingInference{session}, nil
}

// openORTTraining loads the library for the options.
func openORTTraining(o Options) (*orttraining.Library, error) {
	installer, err := runtimelib.NewInstaller()
	if err != nil {
		return nil, err
	}
	kind := runtimelib.ORTTraining
	switch o.Device {
	case "", "cpu":
	case "cuda":
		kind = runtimelib.ORTTrainingCUDA
	default:
		return nil, fmt.Errorf("runtimes: unknown device %q: want cpu or cuda", o.Device)
	}
	found, err := installer.Find(kind, o.Library)
	if err != nil {
		return nil, err
	}
	library, err := orttraining.Open(found.Path)
	if err != nil {
		return nil, fmt.Errorf("runtimes: %w", err)
	}
	return library, nil
}

// newORTTrainingSession compiles a model with the options of every session of ours.
func newORTTrainingSession(library *orttraining.Library, m *onnxgraph.Model, o Options) (*orttraining.Session, error) {
	options, err := newORTTrainingOptions(library, o)
	if err != nil {
		return nil, err
	}
	defer options.Close()
	var session *orttraining.Session
	err = openModel(m, o, func(data []byte) error {
		session, err = library.NewSession(data, options)
		return err
	}, func(path string) error {
		session, err = library.NewSessionFromFile(path, options)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("runtimes: %w", err)
	}
	return session, nil
}

func newORTTrainingOptions(library *orttraining.Library, o Options) (*orttraining.SessionOptions, error) {
	settings := orttraining.Options{
		Threads: Threads(o), NoMemoryPattern: true, ProfilePrefix: o.ProfilePrefix,
		Config: map[string]string{"session.intra_op.allow_spinning": "0"}, // see spinDuration, which this version does not have
	}
	if o.Device == "cuda" {
		settings.CUDA = cudaSettings
	}
	options, err := library.NewSessionOptions(settings)
	if err != nil {
		return nil, fmt.Errorf("runtimes: %w", err)
	}
	return options, nil
}

// ortTrainingInference runs a model on buffers that the library allocates.
type ortTrainingInference struct{ session *orttraining.Session }

func (s ortTrainingInference) Run(feeds map[string]*onnxgraph.Tensor) (map[string]*onnxgraph.Tensor, error) {
	wanted := make(map[string]*onnxgraph.Tensor, len(feeds))
	for _, name := range s.session.Inputs() { // what the model does not read may be fed
		wanted[name] = feeds[name]
	}
	out, err := s.session.RunFeeds(wanted)
	if err != nil {
		return nil, fmt.Errorf("runtimes: inference: %w", err)
	}
	return out, nil
}

func (s ortTrainingInference) Close() error { return s.session.Close() }
