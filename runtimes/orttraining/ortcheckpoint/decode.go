package ortcheckpoint

import (
	"errors"
	"fmt"

	"pmx/onnxgraph"
)

// Like reports whether the first bytes of a file, 8 of them or more, are those of a
// checkpoint.
func Like(head []byte) bool { return len(head) >= 8 && string(head[4:8]) == identifier }

// Decode reads a file. It refuses whatever is not exactly a checkpoint of version
// 2 with its data inside. What it allocates is at most a small multiple of the
// bytes that it is given, whatever they say.
func Decode(data []byte) (*Checkpoint, error) {
	c, err := decode(data)
	if err != nil {
		return nil, fmt.Errorf("ortcheckpoint: %w", err)
	}
	return c, nil
}

func decode(data []byte) (*Checkpoint, error) {
	if len(data) > MaxSize {
		return nil, fmt.Errorf("the file has %d bytes, checkpoints end at 2 GiB", len(data))
	}
	f, root, err := open(data)
	if err != nil {
		return nil, err
	}
	c := &Checkpoint{}
	if v := root.int32(rootVersion); v != version && f.err == nil {
		return nil, fmt.Errorf("the checkpoint has version %d, want %d", v, version)
	}
	module, ok := root.table(rootModule)
	if !ok && f.err == nil {
		return nil, errors.New("the checkpoint has no parameters: was it saved by ONNX Runtime Training?")
	}
	if ok {
		switch {
		case module.bool(moduleNominal):
			return nil, errors.New("the checkpoint is nominal: it has names without data; save a full one")
		case module.bool(moduleExternalData):
			return nil, errors.New("the checkpoint keeps its data in a second file, which is not supported")
		}
		c.Trainable, c.Frozen = module.parameters(moduleTrainable), module.parameters(moduleFrozen)
	}
	for _, t := range root.tables(rootOptimizerGroups) {
		c.Groups = append(c.Groups, t.group())
	}
	if p, ok := root.table(rootProperties); ok {
		c.Ints = properties(p, propertyInts, table.int64)
		c.Floats = properties(p, propertyFloats, table.float32)
		c.Strings = properties(p, propertyStrings, table.string)
	}
	if f.err != nil {
		return nil, f.err
	}
	return c, c.validate()
}

func (t table) parameters(field int) []Parameter {
	var list []Parameter
	for _, e := range t.tables(field) {
		list = append(list, e.tensor())
	}
	return list
}

// maxRank is far above what any operator takes.
const maxRank = 64

func (t table) tensor() Parameter {
	p := Parameter{Name: t.string(tensorName)}
	dtype, dims, raw := onnxgraph.DType(t.int32(tensorDType)), t.int64s(tensorDims, maxRank), t.bytes(tensorRaw)
	if t.file.err != nil {
		return p
	}
	if len(t.tables(tensorStrings)) > 0 || t.int64Or(tensorExternalOffset, -1) != -1 {
		t.file.fail("tensor %q keeps its data outside raw_data", p.Name)
		return p
	}
	shape := make([]int, len(dims))
	for i, d := range dims {
		shape[i] = int(d)
	}
	if _, err := onnxgraph.CheckedSize(dims, MaxSize); err != nil {
		t.file.fail("tensor %q: %w", p.Name, err)
		return p
	}
	value, err := onnxgraph.TensorFromBytes(dtype, shape, raw)
	if err != nil {
		t.file.fail("tensor %q: %w", p.Name, err)
		return p
	}
	p.Value = value
	return p
}

func (t table) group() OptimizerGroup {
	g := OptimizerGroup{Name: t.string(groupName), Step: t.int64(groupStep), InitialLearningRate: t.float32(groupLR)}
	for _, s := range t.tables(groupStates) {
		m := Moments{Param: s.string(stateParam)}
		for _, p := range s.parameters(stateMoments) {
			switch {
			case p.Name == firstMoment && m.First == nil:
				m.First = p.Value
			case p.Name == secondMoment && m.Second == nil:
				m.Second = p.Value
			default:
				t.file.fail("%q has a moment called %q: want %s and %s", m.Param, p.Name, firstMoment, secondMoment)
			}
		}
		g.Moments = append(g.Moments, m)
	}
	return g
}

func properties[T any](t table, field int, value func(t table, field int) T) map[string]T {
	var m map[string]T
	for _, e := range t.tables(field) {
		name := e.string(entryName)
		if _, twice := m[name]; twice {
			t.file.fail("property %q is listed twice", name)
			return nil
		}
		if m == nil {
			m = map[string]T{}
		}
		m[name] = value(e, entryValue)
	}
	return m
}
