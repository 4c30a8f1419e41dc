package jpeg

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"strings"
	"testing"
	"time"
)

// progressiveGrey is a file of empty scans: the first says that every block is grey, and
// the others that no more is known.
func progressiveGrey(side, scans int) []byte {
	frame := binary.BigEndian.AppendUint16([]byte{0xff, sof2, 0, 11, 8}, uint16(side))
	frame = append(binary.BigEndian.AppendUint16(frame, uint16(side)), 1, 1, 0x11, 0)
	table := func(class, symbol byte) []byte {
		return append(append([]byte{0xff, dht, 0, 20, class, 1}, make([]byte, 15)...), symbol)
	}
	quant := append([]byte{0xff, dqt, 0, 67, 0}, bytes.Repeat([]byte{1}, 64)...)
	file := bytes.Join([][]byte{{0xff, soi}, quant, frame, table(0, 0), table(0x10, 0xe0)}, nil)
	blocks := (side + 7) / 8 * ((side + 7) / 8)
	file = append(file, 0xff, sos, 0, 8, 1, 1, 0, 0, 0, 1)
	file = append(file, make([]byte, (blocks+7)/8)...)
	for range scans - 1 {
		file = append(file, 0xff, sos, 0, 8, 1, 1, 0, 1, 63, 0)
		for left := blocks; left > 0; left -= 1<<15 - 1 { // a code and 14 bits: as many blocks
			file = append(file, 0x7f, 0xff, 0)
		}
	}
	return append(file, 0xff, eoi)
}

func TestScansAreBounded(t *testing.T) {
	if _, err := DecodeAny(t.Context(), progressiveGrey(64, maxScans)); err != nil {
		t.Errorf("%d scans: %v", maxScans, err)
	}
	if _, err := DecodeAny(t.Context(), progressiveGrey(64, maxScans+1)); err == nil || err.Error() != "more than 100 scans" {
		t.Errorf("%d scans: %v", maxScans+1, err)
	}
}

// TestContextEndsDecoding: a decoding that takes seconds ends soon after its context.
func TestContextEndsDecoding(t *testing.T) {
	data := progressiveGrey(8192, maxScans)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	begin := time.Now()
	if _, err := DecodeAny(ctx, data); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("error %v", err)
	}
	if took := time.Since(begin); took > 2*time.Second {
		t.Errorf("it took %v", took)
	}
	if _, err := new(Decoder).Decode(ctx, encode(t, picture(64, 48), 75)); err == nil {
		t.Error("Decoder does not look at the context")
	}
}

// TestHeader: a header says what the decoder will allocate.
func TestHeader(t *testing.T) {
	files := recorded(t)
	for name, want := range map[string]Header{
		"444.jpg":         {45, 31, 3 * 48 * 32},          // planes of whole blocks
		"420.jpg":         {45, 31, 48 * 32 * 3 / 2},      // chroma has a quarter
		"progressive.jpg": {45, 31, 48*32*3/2*3 + 24*3/2}, // and 2 bytes a coefficient, 1 a block
	} {
		if got, err := ReadHeader(files[name]); got != want || err != nil {
			t.Errorf("%s: %+v, %v, want %+v", name, got, err, want)
		}
	}
}

// TestUnread: of a good file that is not read, the error says what it is.
func TestUnread(t *testing.T) {
	good := recorded(t)["420.jpg"]
	frame := bytes.Index(good, []byte{0xff, sof0})
	for name, c := range map[string]struct {
		at   int
		to   byte
		want string
	}{
		"arithmetic": {frame + 1, 0xc9, "arithmetic coding"},
		"lossless":   {frame + 1, 0xc3, "lossless or hierarchical coding"},
		"12 bits":    {frame + 4, 12, "12 bits a sample"},
	} {
		data := bytes.Clone(good)
		data[c.at] = c.to
		_, err := DecodeAny(t.Context(), data)
		if _, ok := errors.AsType[Unsupported](err); !ok || err.Error() != c.want {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}

// TestCutFiles: a file that ends before its pixels are whole is an error, progressive or
// not, wherever it ends.
func TestCutFiles(t *testing.T) {
	files := recorded(t)
	for _, name := range []string{"420.jpg", "progressive.jpg", "restart.jpg", "cmyk.jpg"} {
		data := files[name]
		for n := 0; n < len(data)-3; n += 7 {
			if _, err := DecodeAny(t.Context(), data[:n]); err == nil {
				t.Errorf("%s: %d of %d bytes are read", name, n, len(data))
			}
		}
		if _, err := DecodeAny(t.Context(), data[:len(data)-2]); err != nil {
			t.Errorf("%s without the marker of its end: %v", name, err)
		}
	}
}

func FuzzDecodeAny(f *testing.F) {
	for name, data := range recorded(f) {
		if !strings.HasPrefix(name, "fine") {
			f.Add(data)
		}
	}
	f.Add(progressiveGrey(16, 3))
	f.Fuzz(func(t *testing.T, data []byte) {
		h, err := ReadHeader(data)
		if err != nil || h.W*h.H > 1<<18 {
			return
		}
		p, err := DecodeAny(context.Background(), data)
		if err != nil {
			return
		}
		for i, c := range p.Channels {
			if last := (c.H-1)*c.Stride + c.W; c.Dx*c.W < p.W || c.Dy*c.H < p.H || last > len(c.Pix) {
				t.Errorf("channel %d of %dx%d samples for %dx%d pixels in %d bytes", i, c.W, c.H, p.W, p.H, len(c.Pix))
			}
		}
	})
}
