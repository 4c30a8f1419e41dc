package runtimes

import (
	"fmt"
	"reflect"
	"unsafe"

	ort "github.com/yalue/onnxruntime_go"

	"pmx/onnxgraph"
	"pmx/runtimes/device"
)

// newORTMemory opens the memory for the state of a session; nil is main memory.
func newORTMemory(session *ort.DynamicAdvancedSession, o Options) (*device.Memory, error) {
	name := o.stateMemory()
	if name == "" {
		return nil, nil
	}
	if err := checkBinding(); err != nil {
		return nil, err
	}
	pointer, err := ortSessionPointer(session)
	if err != nil {
		return nil, err
	}
	model, err := device.Model()
	if err != nil {
		return nil, err
	}
	copies, err := newORTSession(model, []string{device.From}, []string{device.To}, o.forCopies())
	if err != nil {
		return nil, err
	}
	m, err := device.Open(loadedORT(), pointer, ortCopies{copies}, name)
	if err != nil {
		return nil, fmt.Errorf("runtimes: %w", err)
	}
	return m, nil
}

// ortCopies is a session of onnxruntime_go as package device takes it.
type ortCopies struct{ session *ort.DynamicAdvancedSession }

func (c ortCopies) Pointer() unsafe.Pointer {
	pointer, _ := ortSessionPointer(c.session) // as it was found for the session of the step
	return pointer
}

func (c ortCopies) Close() error { return c.session.Destroy() }

// ortDeviceValue is a tensor on a device. onnxruntime_go has none, and asks no more of
// a value that it is to run on than for its OrtValue. Its other methods are not there.
type ortDeviceValue struct {
	ort.Value
	tensor *device.Tensor
}

func (v ortDeviceValue) GetInternals() *ort.ValueInternalData {
	internals := new(ort.ValueInternalData)
	*(*unsafe.Pointer)(unsafe.Pointer(internals)) = v.tensor.Pointer() // its only field: checkBinding
	return internals
}

func borrowORT(x *device.Tensor) ort.Value { return ortDeviceValue{tensor: x} }

// lendORT hands onnxruntime_go a tensor in main memory.
func lendORT(t *onnxgraph.Tensor) (ort.Value, func() error, error) {
	b, err := wrap(t)
	if err != nil {
		return nil, nil, err
	}
	return b.value, b.value.Destroy, nil
}

// onnxruntime_go has no call for any of what follows, but keeps C pointers in fields.

const bindingChanged = "runtimes: cannot reach the %s that onnxruntime_go holds, which a state on the device needs; --device cpu runs without"

// ortSessionPointer is the OrtSession * of a session.
func ortSessionPointer(session *ort.DynamicAdvancedSession) (unsafe.Pointer, error) {
	inner := reflect.ValueOf(session).Elem().FieldByName("s")
	if inner.Kind() != reflect.Pointer || inner.IsNil() || inner.Elem().Kind() != reflect.Struct {
		return nil, fmt.Errorf(bindingChanged, "session")
	}
	c := inner.Elem().FieldByName("ortSession")
	if c.Kind() != reflect.Pointer {
		return nil, fmt.Errorf(bindingChanged, "session")
	}
	return c.UnsafePointer(), nil
}

// checkBinding finds out whether an ort.ValueInternalData is an OrtValue * and no more.
func checkBinding() error {
	t := reflect.TypeFor[ort.ValueInternalData]()
	if t.NumField() != 1 || t.Field(0).Name != "ortValue" || t.Field(0).Type.Kind() != reflect.Pointer {
		return fmt.Errorf(bindingChanged, "values")
	}
	return nil
}
