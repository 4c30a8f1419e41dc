package orttraining

/*
#include <stdlib.h>
#include "api.h"
*/
import "C"

import (
	"errors"
	"fmt"
	"math"
	"os"
	"unsafe"

	"pmx/onnxgraph"
)

// CheckpointState is the state of a training: parameters, the optimizer's moments
// and step, and properties. A training session works on it in place.
type CheckpointState struct {
	library  *Library
	state    C.handle
	sessions int // open training sessions over it
	closed   bool
}

var errStateClosed = errors.New("orttraining: the checkpoint state is closed")

// LoadCheckpoint reads a checkpoint file.
func (l *Library) LoadCheckpoint(path string) (*CheckpointState, error) {
	// The library's own message for a file that is not there names no file.
	if _, err := os.Stat(path); err != nil {
		return nil, fmt.Errorf("orttraining: checkpoint: %w", err)
	}
	name := C.CString(path)
	defer C.free(unsafe.Pointer(name))
	c := &CheckpointState{library: l}
	if err := l.check(C.pmx_load_checkpoint(l.training, name, &c.state)); err != nil {
		return nil, fmt.Errorf("orttraining: checkpoint %s: %w", path, err)
	}
	return c, nil
}

// LoadCheckpointBytes reads the bytes of a checkpoint file.
func (l *Library) LoadCheckpointBytes(data []byte) (*CheckpointState, error) {
	c := &CheckpointState{library: l}
	err := l.check(C.pmx_load_checkpoint_bytes(l.training, unsafe.Pointer(unsafe.SliceData(data)), C.size_t(len(data)), &c.state))
	if err != nil {
		return nil, fmt.Errorf("orttraining: checkpoint of %d bytes: %w", len(data), err)
	}
	return c, nil
}

// Save writes a checkpoint file, with the optimizer's moments and step or without.
// The current learning rate is not in it: the file has what a session starts with.
func (c *CheckpointState) Save(path string, optimizer bool) error {
	if c.closed {
		return errStateClosed
	}
	name := C.CString(path)
	defer C.free(unsafe.Pointer(name))
	if err := c.library.check(C.pmx_save_checkpoint(c.library.training, c.state, name, C.bool(optimizer))); err != nil {
		return fmt.Errorf("orttraining: save %s: %w", path, err)
	}
	return nil
}

// Parameter copies a parameter out.
func (c *CheckpointState) Parameter(name string) (*onnxgraph.Tensor, error) {
	if c.closed {
		return nil, errStateClosed
	}
	cname := C.CString(name)
	defer C.free(unsafe.Pointer(cname))
	l := c.library
	var value C.handle
	err := l.check(C.pmx_get_parameter(l.training, c.state, cname, l.allocator, &value))
	if err == nil {
		var t *onnxgraph.Tensor
		if t, err = l.take(value); err == nil {
			return t, nil
		}
	}
	return nil, fmt.Errorf("orttraining: parameter %s: %w", name, err)
}

// SetParameter copies a tensor into a parameter of the same type and shape.
func (c *CheckpointState) SetParameter(name string, t *onnxgraph.Tensor) error {
	if c.closed {
		return errStateClosed
	}
	v, err := c.library.NewValue(t)
	if err != nil {
		return err
	}
	defer v.Close()
	cname := C.CString(name)
	defer C.free(unsafe.Pointer(cname))
	if err := c.library.check(C.pmx_update_parameter(c.library.training, c.state, cname, v.value)); err != nil {
		return fmt.Errorf("orttraining: parameter %s: %w", name, err)
	}
	return nil
}

// SetProperty keeps an int64, float32 or string under a name, in the checkpoint.
func (c *CheckpointState) SetProperty(name string, value any) error {
	if c.closed {
		return errStateClosed
	}
	var number [8]byte // C memory is not needed: the library copies it before it returns
	pointer, kind := unsafe.Pointer(&number), C.int(C.INT_PROPERTY)
	switch v := value.(type) {
	case int64:
		*(*int64)(pointer) = v
	case float32:
		kind = C.FLOAT_PROPERTY
		*(*uint32)(pointer) = math.Float32bits(v)
	case string:
		kind = C.STRING_PROPERTY
		text := C.CString(v)
		defer C.free(unsafe.Pointer(text))
		pointer = unsafe.Pointer(text)
	default:
		return fmt.Errorf("orttraining: property %s: a %T cannot be kept: want int64, float32 or string", name, value)
	}
	cname := C.CString(name)
	defer C.free(unsafe.Pointer(cname))
	if err := c.library.check(C.pmx_add_property(c.library.training, c.state, cname, kind, pointer)); err != nil {
		return fmt.Errorf("orttraining: property %s: %w", name, err)
	}
	return nil
}

// Property gives the int64, float32 or string under a name.
func (c *CheckpointState) Property(name string) (any, error) {
	if c.closed {
		return nil, errStateClosed
	}
	cname := C.CString(name)
	defer C.free(unsafe.Pointer(cname))
	l := c.library
	var kind C.int
	var value unsafe.Pointer
	if err := l.check(C.pmx_get_property(l.training, c.state, cname, l.allocator, &kind, &value)); err != nil {
		return nil, fmt.Errorf("orttraining: property %s: %w", name, err)
	}
	if kind == C.STRING_PROPERTY {
		return l.takeString((*C.char)(value)), nil
	}
	defer l.free(value)
	if kind == C.FLOAT_PROPERTY {
		return *(*float32)(value), nil
	}
	return *(*int64)(value), nil
}

// Close releases the state, when the last training session over it is closed.
func (c *CheckpointState) Close() error {
	c.closed = true
	c.releaseIfLast()
	return nil
}

func (c *CheckpointState) releaseIfLast() {
	if c.closed && c.sessions == 0 {
		release(c.library.training, C.ReleaseCheckpointState, &c.state)
	}
}
