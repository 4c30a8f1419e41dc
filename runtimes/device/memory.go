// Package device keeps tensors in the memory of the device on which a session of
// ONNX Runtime runs, such as a GPU, so that what stays there from one run to the
// next is copied by nobody. It drives any library of version 1.19 or later by the
// places of its C API.
//
//	memory, err := device.Open(library, session, copies, device.CUDA)
//	x, err := memory.NewTensor(onnxgraph.Float32, shape)
//	err = x.Write(t)      // from main memory
//	... run the session with x.Pointer() as an input or output ...
//	t, err = x.Read()     // to main memory
//
// ONNX Runtime's C API copies between devices only as part of a run, and only later
// versions otherwise. So the copying is done by a session of a model of one Identity
// on the same device (Model): ONNX Runtime brings its input to the device and its
// output to where the output's tensor lies.
package device

/*
#include <stdlib.h>
#include "api.h"
*/
import "C"

import (
	"errors"
	"fmt"
	"unsafe"

	"pmx/internal/ortapi"
	"pmx/onnxgraph"
)

// apiVersion is that of the oldest library that is driven.
const apiVersion = 19

// ONNX Runtime's names of memories.
const (
	CPU  = "Cpu"
	CUDA = "Cuda" // of the first GPU
)

// Session is a session of ONNX Runtime.
type Session interface {
	Pointer() unsafe.Pointer // the OrtSession *
	Close() error
}

// Memory is that of the device of a session. It is used by one goroutine at a time.
type Memory struct {
	library    *ortapi.Library
	api        C.api
	info, host C.handle // OrtMemoryInfo of the device and of main memory
	allocator  C.handle
	copies     Session
	tensors    int // not closed yet
}

// Open gives the memory of that name of the device on which session, an OrtSession,
// runs. copies, a session of Model on the same device, belongs to the Memory from now
// on, also if Open fails. The Memory is to be closed before session is.
func Open(library *ortapi.Library, session unsafe.Pointer, copies Session, name string) (*Memory, error) {
	m := &Memory{library: library, copies: copies}
	api, err := library.Table(apiVersion)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("device: %w", err), m.Close())
	}
	m.api = api
	for _, create := range []func() error{
		func() (err error) { m.info, err = m.memoryInfo(name); return err },
		func() (err error) { m.host, err = m.memoryInfo(CPU); return err },
		func() error { return m.check(C.pmx_allocator(m.api, C.handle(session), m.info, &m.allocator)) },
	} {
		if err := create(); err != nil {
			m.Close()
			return nil, fmt.Errorf("device: memory %q of the session: %w", name, err)
		}
	}
	return m, nil
}

func (m *Memory) memoryInfo(name string) (info C.handle, err error) {
	c := C.CString(name)
	defer C.free(unsafe.Pointer(c))
	err = m.check(C.pmx_memory_info(m.api, c, &info))
	return info, err
}

// Close gives the memory back. Its tensors are to be closed before: it is an error if
// some are not, whose memory is lost.
func (m *Memory) Close() error {
	if m.tensors > 0 {
		return fmt.Errorf("device: the memory is closed before %d of its tensors", m.tensors)
	}
	m.release(C.ReleaseAllocator, &m.allocator)
	m.release(C.ReleaseMemoryInfo, &m.info)
	m.release(C.ReleaseMemoryInfo, &m.host)
	if m.copies == nil {
		return nil
	}
	copies := m.copies
	m.copies = nil
	return copies.Close()
}

// Tensor is a tensor on the device.
type Tensor struct {
	memory *Memory
	dtype  onnxgraph.DType
	shape  onnxgraph.Shape
	value  C.handle
	data   unsafe.Pointer // on the device
}

// NewTensor allocates a tensor of zeros.
func (m *Memory) NewTensor(dtype onnxgraph.DType, shape onnxgraph.Shape) (*Tensor, error) {
	x := &Tensor{memory: m, dtype: dtype, shape: shape}
	if err := x.allocate(); err != nil {
		x.Close()
		return nil, fmt.Errorf("device: %v%v: %w", dtype, shape, err)
	}
	return x, nil
}

func (x *Tensor) allocate() error {
	m, shape := x.memory, x.shape.Int64()
	err := m.check(C.pmx_allocate(m.api, m.allocator, (*C.int64_t)(unsafe.SliceData(shape)), C.size_t(len(shape)), C.int(x.dtype), &x.value))
	if err != nil {
		return err
	}
	m.tensors++
	if err := m.check(C.pmx_data(m.api, x.value, &x.data)); err != nil {
		return err
	}
	zeros := make([]byte, min(x.bytes(), piece))
	return x.pieces(func(at, n int) error {
		return m.copy(m.host, unsafe.Pointer(&zeros[0]), m.info, unsafe.Add(x.data, at), n)
	})
}

// Pointer is the OrtValue *. It is nil after Close.
func (x *Tensor) Pointer() unsafe.Pointer { return unsafe.Pointer(x.value) }

// Write copies a tensor of the same type and shape to the device. If it fails, x may
// be half written.
func (x *Tensor) Write(t *onnxgraph.Tensor) error {
	if t.DType() != x.dtype || !t.Shape().Equal(x.shape) {
		return fmt.Errorf("device: a tensor is %v, want %v%v", t, x.dtype, x.shape)
	}
	m, bytes := x.memory, t.Bytes()
	err := x.pieces(func(at, n int) error {
		return m.copy(m.host, unsafe.Pointer(&bytes[at]), m.info, unsafe.Add(x.data, at), n)
	})
	if err != nil {
		return fmt.Errorf("device: %v to the device: %w", t, err)
	}
	return nil
}

// Read copies the tensor to main memory.
func (x *Tensor) Read() (*onnxgraph.Tensor, error) {
	t := onnxgraph.Zeros(x.dtype, x.shape)
	m, bytes := x.memory, t.Bytes()
	err := x.pieces(func(at, n int) error {
		return m.copy(m.info, unsafe.Add(x.data, at), m.host, unsafe.Pointer(&bytes[at]), n)
	})
	if err != nil {
		return nil, fmt.Errorf("device: %v from the device: %w", t, err)
	}
	return t, nil
}

// Close gives the tensor's memory back.
func (x *Tensor) Close() error {
	if x.value == nil {
		return nil
	}
	x.memory.release(C.ReleaseValue, &x.value)
	x.memory.tensors--
	x.data = nil
	return nil
}

// piece is how many bytes are copied at once. A run that copies holds that many on
// the device once more.
const piece = 16 << 20

var errClosed = errors.New("the tensor is closed")

// pieces calls copying for each piece of the tensor: n bytes at an offset.
func (x *Tensor) pieces(copying func(at, n int) error) error {
	if x.value == nil {
		return errClosed
	}
	for at := 0; at < x.bytes(); at += piece {
		if err := copying(at, min(piece, x.bytes()-at)); err != nil {
			return err
		}
	}
	return nil
}

func (x *Tensor) bytes() int { return x.shape.Size() * x.dtype.Size() }

// copy copies n bytes between memories.
func (m *Memory) copy(fromInfo C.handle, from unsafe.Pointer, toInfo C.handle, to unsafe.Pointer, n int) error {
	return m.check(C.pmx_copy(m.api, C.handle(m.copies.Pointer()), fromInfo, from, toInfo, to, C.int64_t(n)))
}

// check takes a status of the library, and gives it back to the library.
func (m *Memory) check(s C.status) error { return m.library.Check(unsafe.Pointer(s)) }

// release gives an object back, by one of the Release functions.
func (m *Memory) release(place int, h *C.handle) {
	ortapi.Release(m.api, place, (*unsafe.Pointer)(h))
}
