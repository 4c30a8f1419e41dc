package tfevents

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/encoding/protowire"
)

// TestReferenceVectors writes the bytes that TensorBoard's own writer writes.
func TestReferenceVectors(t *testing.T) {
	want, err := os.ReadFile("testdata/vectors.tfevents")
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "x")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	w := &Writer{f: f, now: func() time.Time { return time.Unix(1700000000, 5e8) }}
	if err := w.start(100); err != nil {
		t.Fatal(err)
	}
	for _, e := range []struct {
		step   int64
		values map[string]float64
	}{
		{0, map[string]float64{"loss": 1}},
		{101, map[string]float64{"loss": .1, "lr": 1e-3, "knn/top1 é": math.NaN()}},
		{3_000_000_000, map[string]float64{"loss": math.Inf(1)}},
	} {
		if err := w.Scalars(e.step, e.values); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if g, w := readEvents(t, got), readEvents(t, want); !slices.Equal(g, w) {
		t.Errorf("wrote events\n%s\nthe reference writes\n%s", strings.Join(g, "\n"), strings.Join(w, "\n"))
	}
	if string(got) != string(want) {
		t.Errorf("wrote\n%x\nthe reference writes\n%x", got, want)
	}
}

func TestSessions(t *testing.T) {
	dir := t.TempDir()
	begin := time.Now()
	for session := range 2 {
		w, err := Create(dir, int64(10*session))
		if err != nil {
			t.Fatal(err)
		}
		if err := w.Scalars(int64(10*session+1), map[string]float64{"loss/source": .5, "a": 2}); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		if err := w.Scalars(1, nil); err == nil {
			t.Error("a closed file was written to")
		}
	}
	files, err := filepath.Glob(filepath.Join(dir, "events.out.tfevents.*"))
	if err != nil || len(files) != 2 {
		t.Fatalf("files %v, error %v", files, err)
	}
	for session, want := range [][]string{
		{"step 0 version brain.Event:2", "step 1 a=2 loss/source=0.5"},
		{"step 0 version brain.Event:2", "step 11 start", "step 11 a=2 loss/source=0.5"},
	} {
		data, err := os.ReadFile(files[session])
		if err != nil {
			t.Fatal(err)
		}
		if got := readEvents(t, data); !slices.Equal(got, want) {
			t.Errorf("session %d: events %q, want %q", session, got, want)
		}
		if wall := firstTime(t, data); math.Abs(wall-float64(begin.UnixMilli())/1e3) > 60 {
			t.Errorf("wall time %v, now is %v", wall, begin)
		}
	}
	if _, err := Create(filepath.Join(dir, "absent"), 0); err == nil {
		t.Error("a file was made in no folder")
	}
}

// TestMaskedCRC: CRC-32C of "123456789" is the known check value e3069283. Turned right
// by 15 bits it is 2507c60d; with a282ead8 added, c78ab0e5.
func TestMaskedCRC(t *testing.T) {
	if got := maskedCRC([]byte("123456789")); got != 0xc78ab0e5 {
		t.Errorf("%#x", got)
	}
}

// readEvents reads a file with code of its own, checking both checksums of
// each record, and tells each event in words.
func readEvents(t *testing.T, data []byte) []string {
	t.Helper()
	var events []string
	for len(data) > 0 {
		var event []byte
		event, data = nextRecord(t, data)
		events = append(events, describe(t, event))
	}
	return events
}

func nextRecord(t *testing.T, data []byte) (record, rest []byte) {
	t.Helper()
	unmask := func(b []byte) uint32 {
		rotated := binary.LittleEndian.Uint32(b) - 0xa282ead8
		return rotated>>17 | rotated<<15
	}
	check := func(data, sum []byte) {
		if crc32.Checksum(data, crc32.MakeTable(crc32.Castagnoli)) != unmask(sum) {
			t.Fatalf("wrong checksum of %x", data)
		}
	}
	if len(data) < 16 {
		t.Fatalf("%d bytes at the end", len(data))
	}
	n := binary.LittleEndian.Uint64(data)
	check(data[:8], data[8:12])
	if uint64(len(data)) < n+16 {
		t.Fatal("the last record is torn")
	}
	check(data[12:12+n], data[12+n:])
	return data[12 : 12+n], data[16+n:]
}

func describe(t *testing.T, event []byte) string {
	t.Helper()
	step, words := uint64(0), []string{}
	fields(t, event, func(number protowire.Number, n uint64, b []byte) {
		switch number {
		case 2:
			step = n
		case 3:
			words = append(words, "version "+string(b))
		case 5:
			fields(t, b, func(_ protowire.Number, _ uint64, value []byte) {
				var tag string
				fields(t, value, func(number protowire.Number, n uint64, b []byte) {
					if number == 1 {
						tag = string(b)
					} else {
						words = append(words, fmt.Sprintf("%s=%v", tag, math.Float32frombits(uint32(n))))
					}
				})
			})
		case 7:
			fields(t, b, func(_ protowire.Number, n uint64, _ []byte) {
				words = append(words, map[uint64]string{1: "start"}[n])
			})
		}
	})
	return fmt.Sprintf("step %d %s", step, strings.Join(words, " "))
}

func firstTime(t *testing.T, data []byte) float64 {
	event, _ := nextRecord(t, data)
	var wall float64
	fields(t, event, func(number protowire.Number, n uint64, _ []byte) {
		if number == 1 {
			wall = math.Float64frombits(n)
		}
	})
	return wall
}

// fields calls visit with each field of a message: its number or its bytes.
func fields(t *testing.T, message []byte, visit func(number protowire.Number, n uint64, b []byte)) {
	t.Helper()
	for len(message) > 0 {
		number, kind, size := protowire.ConsumeTag(message)
		if size < 0 {
			t.Fatal(protowire.ParseError(size))
		}
		message = message[size:]
		var n uint64
		var b []byte
		switch kind {
		case protowire.VarintType:
			n, size = protowire.ConsumeVarint(message)
		case protowire.Fixed32Type:
			var v uint32
			v, size = protowire.ConsumeFixed32(message)
			n = uint64(v)
		case protowire.Fixed64Type:
			n, size = protowire.ConsumeFixed64(message)
		case protowire.BytesType:
			b, size = protowire.ConsumeBytes(message)
		default:
			t.Fatalf("field %d has wire type %d", number, kind)
		}
		if size < 0 {
			t.Fatal(protowire.ParseError(size))
		}
		message = message[size:]
		visit(number, n, b)
	}
}
