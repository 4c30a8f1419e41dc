package ortcheckpoint

import (
	"fmt"
	"maps"
	"math"
	"slices"

	flatbuffers "github.com/google/flatbuffers/go"

	"pmx/onnxgraph"
)

// MaxSize is the most bytes that a checkpoint can have: flatbuffers counts in
// signed 32 bits.
const MaxSize = math.MaxInt32

// Encode makes the file. Equal checkpoints give equal bytes. Parameters keep
// their order; properties are sorted by name.
func Encode(c *Checkpoint) ([]byte, error) {
	if err := c.validate(); err != nil {
		return nil, fmt.Errorf("ortcheckpoint: %w", err)
	}
	size := c.bound()
	if size > MaxSize {
		return nil, fmt.Errorf("ortcheckpoint: the checkpoint needs %.2f GiB, the format ends at 2 GiB: "+
			"train a smaller model, or by the step file, whose state has no such limit", float64(size)/(1<<30))
	}
	w := writer{flatbuffers.NewBuilder(int(size))}
	w.FinishWithFileIdentifier(w.root(c), []byte(identifier))
	return w.FinishedBytes(), nil
}

// overhead is more than what a table takes besides its strings and data.
const overhead = 192

// bound is at least the file's size.
func (c *Checkpoint) bound() int64 {
	size := int64(overhead) * 4
	add := func(name string, t *onnxgraph.Tensor) {
		size += overhead + int64(len(name))
		if t != nil {
			size += int64(t.Size())*int64(t.DType().Size()) + 8*int64(len(t.Shape()))
		}
	}
	for _, p := range c.Trainable {
		add(p.Name, p.Value)
	}
	for _, p := range c.Frozen {
		add(p.Name, p.Value)
	}
	for _, g := range c.Groups {
		add(g.Name, nil)
		for _, m := range g.Moments {
			add(m.Param, nil)
			add(firstMoment, m.First)
			add(secondMoment, m.Second)
		}
	}
	for name := range c.Ints {
		add(name, nil)
	}
	for name := range c.Floats {
		add(name, nil)
	}
	for name, value := range c.Strings {
		add(name+value, nil)
	}
	return size
}

// writer writes tables back to front: what a table refers to comes before it.
type writer struct{ *flatbuffers.Builder }

func (w writer) root(c *Checkpoint) flatbuffers.UOffsetT {
	trainable, frozen := w.parameters(c.Trainable), w.parameters(c.Frozen)
	w.StartObject(moduleFields)
	w.PrependUOffsetTSlot(moduleTrainable, trainable, 0)
	w.PrependUOffsetTSlot(moduleFrozen, frozen, 0)
	module := w.EndObject()

	var groups flatbuffers.UOffsetT
	if len(c.Groups) > 0 {
		groups = w.tables(len(c.Groups), func(i int) flatbuffers.UOffsetT { return w.group(c.Groups[i]) })
	}
	var properties flatbuffers.UOffsetT
	if len(c.Ints)+len(c.Floats)+len(c.Strings) > 0 {
		properties = w.properties(c)
	}
	w.StartObject(rootFields)
	w.PrependUOffsetTSlot(rootModule, module, 0)
	w.PrependUOffsetTSlot(rootOptimizerGroups, groups, 0)
	w.PrependUOffsetTSlot(rootProperties, properties, 0)
	w.PrependInt32Slot(rootVersion, version, 0)
	return w.EndObject()
}

// tables writes n tables and then the vector of them.
func (w writer) tables(n int, write func(i int) flatbuffers.UOffsetT) flatbuffers.UOffsetT {
	offsets := make([]flatbuffers.UOffsetT, n)
	for i := range offsets {
		offsets[i] = write(i)
	}
	return w.CreateVectorOfTables(offsets)
}

func (w writer) parameters(list []Parameter) flatbuffers.UOffsetT {
	return w.tables(len(list), func(i int) flatbuffers.UOffsetT { return w.tensor(list[i].Name, list[i].Value) })
}

func (w writer) tensor(name string, t *onnxgraph.Tensor) flatbuffers.UOffsetT {
	raw := w.CreateByteVector(t.Bytes())
	shape := t.Shape()
	w.StartVector(8, len(shape), 8)
	for _, d := range slices.Backward(shape) {
		w.PrependInt64(int64(d))
	}
	dims := w.EndVector(len(shape))
	label := w.CreateString(name)
	w.StartObject(tensorFields)
	w.PrependUOffsetTSlot(tensorName, label, 0)
	w.PrependUOffsetTSlot(tensorDims, dims, 0)
	w.PrependInt32Slot(tensorDType, int32(t.DType()), 0)
	w.PrependUOffsetTSlot(tensorRaw, raw, 0)
	return w.EndObject()
}

func (w writer) group(g OptimizerGroup) flatbuffers.UOffsetT {
	states := w.tables(len(g.Moments), func(i int) flatbuffers.UOffsetT {
		m := g.Moments[i]
		var list []Parameter
		if m.First != nil {
			list = []Parameter{{firstMoment, m.First}, {secondMoment, m.Second}}
		}
		moments, name := w.parameters(list), w.CreateString(m.Param)
		w.StartObject(stateFields)
		w.PrependUOffsetTSlot(stateParam, name, 0)
		w.PrependUOffsetTSlot(stateMoments, moments, 0)
		return w.EndObject()
	})
	name := w.CreateString(g.Name)
	w.StartObject(groupFields)
	w.PrependInt64Slot(groupStep, g.Step, 0)
	w.PrependUOffsetTSlot(groupName, name, 0)
	w.PrependFloat32Slot(groupLR, g.InitialLearningRate, 0)
	w.PrependUOffsetTSlot(groupStates, states, 0)
	return w.EndObject()
}

func (w writer) properties(c *Checkpoint) flatbuffers.UOffsetT {
	ints := entries(w, c.Ints, func(v int64) func() {
		return func() { w.PrependInt64Slot(entryValue, v, 0) }
	})
	floats := entries(w, c.Floats, func(v float32) func() {
		return func() { w.PrependFloat32Slot(entryValue, v, 0) }
	})
	texts := entries(w, c.Strings, func(v string) func() {
		text := w.CreateString(v)
		return func() { w.PrependUOffsetTSlot(entryValue, text, 0) }
	})
	w.StartObject(propertyFields)
	w.PrependUOffsetTSlot(propertyInts, ints, 0)
	w.PrependUOffsetTSlot(propertyFloats, floats, 0)
	w.PrependUOffsetTSlot(propertyStrings, texts, 0)
	return w.EndObject()
}

// entries writes the properties of one type. prepare writes what an entry refers
// to and returns what writes its value into the entry.
func entries[T any](w writer, m map[string]T, prepare func(T) func()) flatbuffers.UOffsetT {
	names := slices.Sorted(maps.Keys(m))
	return w.tables(len(names), func(i int) flatbuffers.UOffsetT {
		value, name := prepare(m[names[i]]), w.CreateString(names[i])
		w.StartObject(entryFields)
		value()
		w.PrependUOffsetTSlot(entryName, name, 0)
		return w.EndObject()
	})
}
