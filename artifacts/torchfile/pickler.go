package torchfile

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"strconv"

	"pmx/onnxgraph"
)

// pickler writes an object with the opcodes of protocol 2 that PyTorch's own safe
// loader (weights_only) knows. Tensors become storages of their own, in order.
type pickler struct {
	b       bytes.Buffer
	tensors []*onnxgraph.Tensor
}

// storageClasses names the storage of each element type.
var storageClasses = func() map[onnxgraph.DType]string {
	names := map[onnxgraph.DType]string{}
	for class, t := range storageTypes {
		if t.dtype != onnxgraph.Undefined {
			names[t.dtype] = class
		}
	}
	return names
}()

func (p *pickler) op(ops ...opcode) {
	for _, op := range ops {
		p.b.WriteByte(byte(op))
	}
}

// object writes a whole pickle.
func (p *pickler) object(v any) error {
	p.op(opProto, 2)
	if err := p.value(v); err != nil {
		return err
	}
	p.op(opStop)
	return nil
}

func (p *pickler) value(v any) error {
	switch v := v.(type) {
	case nil:
		p.op(opNone)
	case bool:
		p.bool(v)
	case int:
		p.int(int64(v))
	case int64:
		p.int(v)
	case float64:
		p.op(opBinFloat)
		p.b.Write(binary.BigEndian.AppendUint64(nil, math.Float64bits(v)))
	case string:
		p.string(v)
	case Tuple:
		return p.tuple(v...)
	case *List:
		p.op(opEmptyList, opMark)
		if err := p.values(v.Items...); err != nil {
			return err
		}
		p.op(opAppends)
	case *Dict:
		return p.dict(v)
	case *onnxgraph.Tensor:
		return p.tensor(v)
	default:
		return fmt.Errorf("%T has no place in a file", v)
	}
	return nil
}

func (p *pickler) values(values ...any) error {
	for _, v := range values {
		if err := p.value(v); err != nil {
			return err
		}
	}
	return nil
}

func (p *pickler) bool(v bool) {
	if v {
		p.op(opNewTrue)
	} else {
		p.op(opNewFalse)
	}
}

// int writes the shortest form, as Python's pickler does.
func (p *pickler) int(v int64) {
	switch {
	case v >= 0 && v < 1<<8:
		p.op(opBinInt1, opcode(v))
	case v >= 0 && v < 1<<16:
		p.op(opBinInt2)
		p.b.Write(binary.LittleEndian.AppendUint16(nil, uint16(v)))
	case v >= math.MinInt32 && v <= math.MaxInt32:
		p.op(opBinInt)
		p.b.Write(binary.LittleEndian.AppendUint32(nil, uint32(v)))
	default:
		p.op(opLong1, 8)
		p.b.Write(binary.LittleEndian.AppendUint64(nil, uint64(v)))
	}
}

func (p *pickler) string(s string) {
	p.op(opBinUnicode)
	p.b.Write(binary.LittleEndian.AppendUint32(nil, uint32(len(s))))
	p.b.WriteString(s)
}

func (p *pickler) global(module, name string) {
	p.op(opGlobal)
	p.b.WriteString(module + "\n" + name + "\n")
}

func (p *pickler) tuple(items ...any) error {
	p.op(opMark)
	if err := p.values(items...); err != nil {
		return err
	}
	p.op(opTuple)
	return nil
}

// dict writes a dictionary; one that holds a tensor becomes a collections.OrderedDict,
// as PyTorch's state_dict is.
func (p *pickler) dict(d *Dict) error {
	if d.holdsTensor() {
		p.emptyOrderedDict()
	} else {
		p.op(opEmptyDict)
	}
	p.op(opMark)
	for key, value := range d.All() {
		if err := p.values(key, value); err != nil {
			return err
		}
	}
	p.op(opSetItems)
	return nil
}

func (d *Dict) holdsTensor() bool {
	for _, v := range d.values {
		if _, ok := v.(*onnxgraph.Tensor); ok {
			return true
		}
	}
	return false
}

func (p *pickler) emptyOrderedDict() {
	p.global("collections", "OrderedDict")
	p.op(opEmptyTuple, opReduce)
}

// tensor writes a call of torch._utils._rebuild_tensor_v2 (storage, offset, sizes,
// strides, requires_grad, hooks).
func (p *pickler) tensor(t *onnxgraph.Tensor) error {
	class, ok := storageClasses[t.DType()]
	if !ok {
		return fmt.Errorf("tensors of %v have no storage in PyTorch", t.DType())
	}
	key := strconv.Itoa(len(p.tensors))
	p.tensors = append(p.tensors, t)
	sizes, strides := make(Tuple, len(t.Shape())), make(Tuple, len(t.Shape()))
	for i, stride := len(sizes)-1, 1; i >= 0; i-- {
		sizes[i], strides[i] = t.Shape()[i], stride
		stride *= max(1, t.Shape()[i])
	}

	p.global("torch._utils", "_rebuild_tensor_v2")
	p.op(opMark, opMark)
	p.string("storage")
	p.global("torch", class)
	p.string(key)
	p.string("cpu")
	p.int(int64(t.Size()))
	p.op(opTuple, opBinPersID)
	if err := p.values(0, sizes, strides, false); err != nil {
		return err
	}
	p.emptyOrderedDict()
	p.op(opTuple, opReduce)
	return nil
}
