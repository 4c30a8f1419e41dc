package ortcheckpoint_test

import (
	"fmt"
	"strings"
	"testing"

	flatbuffers "github.com/google/flatbuffers/go"

	"pmx/runtimes/orttraining/ortcheckpoint"
)

// TestSharedData writes what no program would: many tensors over one copy of the
// data. Read naively, 200 KB of it would ask for 100 MB.
func TestSharedData(t *testing.T) {
	const bytes, tensors = 1 << 17, 800
	b := flatbuffers.NewBuilder(bytes)
	raw := b.CreateByteVector(make([]byte, bytes))
	b.StartVector(8, 1, 8)
	b.PrependInt64(bytes)
	dims := b.EndVector(1)
	var list []flatbuffers.UOffsetT
	for i := range tensors {
		name := b.CreateString(fmt.Sprint(i))
		b.StartObject(7)
		b.PrependUOffsetTSlot(0, name, 0)
		b.PrependUOffsetTSlot(2, dims, 0)
		b.PrependInt32Slot(3, 2, 0) // uint8
		b.PrependUOffsetTSlot(4, raw, 0)
		list = append(list, b.EndObject())
	}
	data := finish(b, b.CreateVectorOfTables(list), 2)
	_, err := ortcheckpoint.Decode(data)
	if want := "parts of it are used several times"; err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("got error %v, want %q", err, want)
	}
}

func TestOtherVersion(t *testing.T) {
	b := flatbuffers.NewBuilder(0)
	_, err := ortcheckpoint.Decode(finish(b, b.CreateVectorOfTables(nil), 3))
	if want := "the checkpoint has version 3, want 2"; err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("got error %v, want %q", err, want)
	}
}

// finish makes a checkpoint of one list of trainable parameters.
func finish(b *flatbuffers.Builder, trainable flatbuffers.UOffsetT, version int32) []byte {
	b.StartObject(4)
	b.PrependUOffsetTSlot(0, trainable, 0)
	module := b.EndObject()
	b.StartObject(4)
	b.PrependUOffsetTSlot(1, module, 0)
	b.PrependInt32Slot(0, version, 0)
	b.FinishWithFileIdentifier(b.EndObject(), []byte("ODTC"))
	return b.FinishedBytes()
}
