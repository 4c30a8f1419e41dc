package runtimes

// WithStateMemory has the state kept in a memory of ONNX Runtime's, by its name, as
// with Device "cuda" it is.
func (o Options) WithStateMemory(name string) Options {
	o.memory = name
	return o
}

// AddDevice appends the execution provider of a device.
var AddDevice = addDevice
