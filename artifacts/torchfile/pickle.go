package torchfile

import (
	"fmt"
	"maps"
	"math"
	"math/big"
	"slices"
)

// unpickler runs a pickle of protocol 2 to 5 (PEP 307, 3154, 574) without calling
// anything that it names.
type unpickler struct {
	src *source
	// storage makes a storage of the tuple that names it.
	storage func(id Tuple) *storage

	stack   []any
	marks   []int // heights of the stack
	memo    map[uint64]any
	opcodes int
	values  int             // of maxValues
	classes map[string]bool // of the Objects
}

// load reads one pickle and gives its object.
func (u *unpickler) load() (object any, err error) {
	start := u.src.pos
	defer func() {
		if r := recover(); r != nil {
			f, ours := r.(failure)
			if !ours {
				panic(r)
			}
			err = fmt.Errorf("pickle, byte %d: %w", u.src.pos-start, f.err)
		}
	}()
	u.stack, u.marks, u.memo = nil, nil, map[uint64]any{}
	if opcode(u.src.byte()) != opProto {
		fail("it begins with no protocol")
	}
	if v := u.src.byte(); v < 2 || v > 5 {
		fail("protocol %d, 2 to 5 are known", v)
	}
	for {
		if u.opcodes++; u.opcodes > maxOpcodes {
			fail("more than %d opcodes", int(maxOpcodes))
		}
		op := opcode(u.src.byte())
		if op == opStop {
			object = u.pop()
			if len(u.stack) > 0 || len(u.marks) > 0 {
				fail("it stops with %d values left over", len(u.stack))
			}
			return object, nil
		}
		u.run(op)
	}
}

// objects names the classes of what was not made, sorted.
func (u *unpickler) objects() []string { return slices.Sorted(maps.Keys(u.classes)) }

func (u *unpickler) run(op opcode) {
	switch op {
	case opProto:
		fail("a second protocol")
	case opFrame:
		u.src.uint(8) // what follows is read one value at a time, with or without frames

	case opNone:
		u.push(nil)
	case opNewTrue:
		u.push(true)
	case opNewFalse:
		u.push(false)
	case opBinInt:
		u.push(int64(int32(u.src.uint(4))))
	case opBinInt1:
		u.push(int64(u.src.uint(1)))
	case opBinInt2:
		u.push(int64(u.src.uint(2)))
	case opLong1:
		u.push(u.long(u.src.uint(1)))
	case opLong4:
		u.push(u.long(u.src.uint(4)))
	case opBinFloat: // big-endian
		bits := uint64(0)
		for _, b := range u.src.bytes(8) {
			bits = bits<<8 | uint64(b)
		}
		u.push(math.Float64frombits(bits))

	case opBinUnicode, opBinString:
		u.push(string(u.src.bytes(u.src.uint(4))))
	case opShortBinUnicode, opShortBinString:
		u.push(string(u.src.bytes(u.src.uint(1))))
	case opBinUnicode8:
		u.push(string(u.src.bytes(u.src.uint(8))))
	case opBinBytes:
		u.push(u.src.bytes(u.src.uint(4)))
	case opShortBinBytes:
		u.push(u.src.bytes(u.src.uint(1)))
	case opBinBytes8, opByteArray8:
		u.push(u.src.bytes(u.src.uint(8)))

	case opEmptyList, opEmptySet:
		u.spend(containerCost)
		u.push(&List{})
	case opEmptyDict:
		u.spend(containerCost)
		u.push(&Dict{})
	case opEmptyTuple:
		u.push(Tuple(nil))
	case opTuple1:
		u.push(u.tuple(u.popN(1)))
	case opTuple2:
		u.push(u.tuple(u.popN(2)))
	case opTuple3:
		u.push(u.tuple(u.popN(3)))
	case opTuple:
		u.push(u.tuple(u.popMark()))
	case opFrozenSet:
		u.push(&List{u.tuple(u.popMark())})
	case opAppend:
		u.extend(u.popN(1))
	case opAppends, opAddItems:
		u.extend(u.popMark())
	case opSetItem:
		u.setItems(u.popN(2))
	case opSetItems:
		u.setItems(u.popMark())

	case opMark:
		if len(u.marks) >= maxStack {
			fail("more than %d marks", int(maxStack))
		}
		u.marks = append(u.marks, len(u.stack))
	case opPop:
		if n := len(u.marks); n > 0 && u.marks[n-1] == len(u.stack) {
			u.marks = u.marks[:n-1]
		} else {
			u.pop()
		}
	case opPopMark:
		u.popMark()
	case opDup:
		u.push(u.top())

	case opBinPut:
		u.put(u.src.uint(1))
	case opLongBinPut:
		u.put(u.src.uint(4))
	case opMemoize:
		u.put(uint64(len(u.memo)))
	case opBinGet:
		u.push(u.get(u.src.uint(1)))
	case opLongBinGet:
		u.push(u.get(u.src.uint(4)))

	case opGlobal:
		module, name := u.src.line(), u.src.line()
		u.push(Global{module, name})
	case opStackGlobal:
		names := u.popN(2)
		module, ok1 := names[0].(string)
		name, ok2 := names[1].(string)
		if !ok1 || !ok2 {
			fail("a class whose name is not a string")
		}
		u.push(Global{module, name})
	case opReduce, opNewObj:
		operands := u.popN(2)
		args, ok := operands[1].(Tuple)
		if !ok {
			fail("a call whose arguments are not a tuple")
		}
		u.push(u.call(operands[0], args))
	case opNewObjEx: // class, arguments, keywords
		u.push(u.object(u.popN(3)[0]))
	case opBuild:
		u.pop()
		switch u.top().(type) {
		case *Object, *Dict, *Tensor: // the attributes: an OrderedDict's _metadata, a record's all
		default:
			fail("attributes of a plain value")
		}
	case opBinPersID:
		id, ok := u.pop().(Tuple)
		if !ok {
			fail("a persistent id that is not a tuple")
		}
		u.push(u.storage(id))
	default:
		fail("opcode %#02x, which files of torch.save do not have", byte(op))
	}
}

func (u *unpickler) push(v any) {
	if len(u.stack) >= maxStack {
		fail("more than %d values on the stack", int(maxStack))
	}
	u.stack = append(u.stack, v)
}

func (u *unpickler) pop() any { return u.popN(1)[0] }

func (u *unpickler) top() any {
	if len(u.stack) == u.floor() {
		fail("the stack is empty")
	}
	return u.stack[len(u.stack)-1]
}

// popN gives the uppermost n values, which the next push overwrites.
func (u *unpickler) popN(n int) []any {
	at := len(u.stack) - n
	if at < u.floor() {
		fail("the stack is empty")
	}
	values := u.stack[at:]
	u.stack = u.stack[:at]
	return values
}

// popMark gives the values above the uppermost mark, which the next push overwrites.
func (u *unpickler) popMark() []any {
	if len(u.marks) == 0 {
		fail("no mark on the stack")
	}
	values := u.popN(len(u.stack) - u.floor())
	u.marks = u.marks[:len(u.marks)-1]
	return values
}

// floor is the height of the stack that values must not be taken below.
func (u *unpickler) floor() int {
	if n := len(u.marks); n > 0 {
		return u.marks[n-1]
	}
	return 0
}

func (u *unpickler) spend(values int) {
	if u.values += values; u.values > maxValues {
		fail("it holds more than %d values", int(maxValues))
	}
}

func (u *unpickler) tuple(items []any) Tuple {
	u.spend(containerCost + len(items))
	return slices.Clone(items)
}

func (u *unpickler) extend(items []any) {
	switch list := u.top().(type) {
	case *List:
		u.spend(len(items))
		list.Items = append(list.Items, items...)
	case *Object:
	default:
		fail("elements are added to what is not a list")
	}
}

func (u *unpickler) setItems(pairs []any) {
	if len(pairs)%2 != 0 {
		fail("a key without a value")
	}
	switch dict := u.top().(type) {
	case *Dict:
		u.spend(2 * len(pairs))
		for i := 0; i < len(pairs); i += 2 {
			dict.Set(pairs[i], pairs[i+1])
		}
	case *Object:
	default:
		fail("entries are added to what is not a dictionary")
	}
}

func (u *unpickler) put(index uint64) {
	if len(u.memo) >= maxStack {
		fail("more than %d memo entries", int(maxStack))
	}
	u.memo[index] = u.top()
}

func (u *unpickler) get(index uint64) any {
	v, ok := u.memo[index]
	if !ok {
		fail("memo entry %d is not set", index)
	}
	return v
}

// long reads an integer of n bytes, little-endian two's complement.
func (u *unpickler) long(n uint64) any {
	if n > maxLong {
		fail("an integer of %d bytes, at most %d are read", n, maxLong)
	}
	raw := u.src.bytes(n)
	slices.Reverse(raw)
	v := new(big.Int).SetBytes(raw)
	if n > 0 && raw[0] >= 0x80 {
		v.Sub(v, new(big.Int).Lsh(big.NewInt(1), uint(8*n)))
	}
	if v.IsInt64() {
		return v.Int64()
	}
	return v
}
