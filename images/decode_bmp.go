package images

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/bits"
)

// A BMP decoder of its own, for x/image/bmp reads neither 16 bits, bit fields, run
// lengths nor OS/2's headers, and other libraries round 5 and 6 bits in another way than
// Pillow, whose numbers these are.
// https://learn.microsoft.com/windows/win32/gdi/bitmap-storage

var bmpFormat = &fileFormat{name: "bmp", magic: []string{"BM"}, head: bmpHead, decode: decodeBMP}

// The compressions of BMP that are read.
const (
	bmpRaw       = 0
	bmpRLE8      = 1
	bmpRLE4      = 2
	bmpBitFields = 3
)

const bmpFileHeader = 14 // bytes before the information header

var errBMPCut = errors.New("the file is cut off")

// bmp is an image's header.
type bmp struct {
	w, h        int
	topDown     bool
	bits        int
	compression uint32
	palette     [256][3]uint8
	fields      [3]uint32 // masks of red, green and blue
	data        []byte    // the pixels
}

func bmpHead(data []byte) (header, error) {
	b, err := readBMP(data)
	return header{w: b.w, h: b.h}, err
}

// readBMP reads all that comes before the pixels.
func readBMP(data []byte) (b bmp, err error) {
	if len(data) < bmpFileHeader+4 {
		return b, errBMPCut
	}
	offset := int64(binary.LittleEndian.Uint32(data[10:]))
	info := data[bmpFileHeader:]
	size := binary.LittleEndian.Uint32(info)
	switch size {
	case 12, 40, 52, 56, 64, 108, 124:
	default:
		return b, notRead(fmt.Sprintf("a BMP with a header of %d bytes, which is not read: save it again", size))
	}
	if int64(len(info)) < int64(size) {
		return b, errBMPCut
	}
	info, rest := info[:size], info[size:]
	colours, entry := uint32(0), 4
	if size == 12 { // OS/2's
		b.w, b.h = int(binary.LittleEndian.Uint16(info[4:])), int(binary.LittleEndian.Uint16(info[6:]))
		b.bits, entry = int(binary.LittleEndian.Uint16(info[10:])), 3
	} else {
		b.w, b.h = int(int32(binary.LittleEndian.Uint32(info[4:]))), int(int32(binary.LittleEndian.Uint32(info[8:])))
		if b.h < 0 {
			b.h, b.topDown = -b.h, true
		}
		b.bits = int(binary.LittleEndian.Uint16(info[14:]))
		b.compression = binary.LittleEndian.Uint32(info[16:])
		colours = binary.LittleEndian.Uint32(info[32:])
	}
	if err := b.checkKind(); err != nil {
		return b, err
	}
	if rest, err = b.readFields(info, rest); err != nil {
		return b, err
	}
	if b.bits <= 8 {
		if colours == 0 || colours > 256 {
			colours = 1 << b.bits
		}
		if offset == bmpFileHeader+int64(size) { // it forgets the palette
			offset += int64(entry) * int64(colours)
		}
		b.readPalette(rest, int(colours), entry)
	}
	if offset == 0 {
		offset = int64(len(data) - len(rest))
	}
	if offset > int64(len(data)) {
		return b, errBMPCut
	}
	b.data = data[offset:]
	return b, nil
}

// checkKind refuses the kinds that are not read.
func (b *bmp) checkKind() error {
	depths := map[uint32][]int{bmpRaw: {1, 2, 4, 8, 16, 24, 32}, bmpRLE8: {8}, bmpRLE4: {4}, bmpBitFields: {16, 24, 32}}[b.compression]
	for _, depth := range depths {
		if b.bits == depth {
			return nil
		}
	}
	return notRead(fmt.Sprintf("a BMP of %d bits and compression %d, which is not read: save it with 24 bits, uncompressed", b.bits, b.compression))
}

// readFields finds the masks of the colours, which follow a header that has no place
// for them, and returns what comes after.
func (b *bmp) readFields(info, rest []byte) ([]byte, error) {
	b.fields = [3]uint32{0xff0000, 0xff00, 0xff}
	if b.bits == 16 {
		b.fields = [3]uint32{0x7c00, 0x3e0, 0x1f}
	}
	if b.compression != bmpBitFields {
		return rest, nil
	}
	const inHeader = 40
	masks := rest
	if len(info) >= inHeader+12 {
		masks = info[inHeader:]
	} else if len(rest) >= 12 {
		rest = rest[12:]
	} else {
		return nil, errBMPCut
	}
	var fields [3]uint32
	for i := range fields {
		fields[i] = binary.LittleEndian.Uint32(masks[4*i:])
	}
	if fields != [3]uint32{} {
		b.fields = fields
	}
	return rest, nil
}

// readPalette reads colours, blue first. What the file does not have is black.
func (b *bmp) readPalette(data []byte, colours, entry int) {
	for i := range colours {
		if at := i * entry; at+3 <= len(data) {
			b.palette[i] = [3]uint8{data[at+2], data[at+1], data[at]}
		}
	}
}

func decodeBMP(ctx context.Context, data []byte, img *Image) error {
	b, err := readBMP(data)
	if err != nil {
		return err
	}
	img.Reset(b.w, b.h)
	if b.compression == bmpRLE8 || b.compression == bmpRLE4 {
		return b.runs(ctx, img)
	}
	stride := (b.w*b.bits + 31) / 32 * 4
	for y := range b.h {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		need := (b.w*b.bits + 7) / 8
		if y*stride+need > len(b.data) {
			return errBMPCut
		}
		b.convert(b.row(img, y), b.data[y*stride:][:need])
	}
	return nil
}

// row is the y-th row of the file.
func (b *bmp) row(img *Image, y int) []uint8 {
	if !b.topDown {
		y = b.h - 1 - y
	}
	return img.row(y)
}

// convert makes a row of pixels RGB.
func (b *bmp) convert(out []uint8, in []byte) {
	switch {
	case b.bits <= 8:
		for x := range b.w {
			at := x * b.bits
			v := in[at/8] >> (8 - b.bits - at%8) & (1<<b.bits - 1)
			copy(out[3*x:], b.palette[v][:])
		}
	case b.bits == 24:
		for x := range b.w {
			p := in[3*x:][:3]
			out[3*x], out[3*x+1], out[3*x+2] = p[2], p[1], p[0]
		}
	default:
		var tables [3]field
		for i, mask := range b.fields {
			tables[i] = newField(mask)
		}
		for x := range b.w {
			var v uint32
			if b.bits == 16 {
				v = uint32(binary.LittleEndian.Uint16(in[2*x:]))
			} else {
				v = binary.LittleEndian.Uint32(in[4*x:])
			}
			for i := range tables {
				out[3*x+i] = tables[i].value(v)
			}
		}
	}
}

// field is where a colour lies in a pixel.
type field struct{ mask, shift, most uint32 }

func newField(mask uint32) field {
	if mask == 0 {
		return field{most: 1}
	}
	shift := uint32(bits.TrailingZeros32(mask))
	return field{mask, shift, mask >> shift}
}

// value is the colour from 0 to 255, rounded down.
func (f field) value(v uint32) uint8 {
	return uint8(uint64(v&f.mask>>f.shift) * 255 / uint64(f.most))
}

// runs decodes run lengths, as Pillow does where they do not fit the rows.
func (b *bmp) runs(ctx context.Context, img *Image) error {
	in, at, x, total := b.data, 0, 0, b.w*b.h
	put := func(v byte, n int) {
		for n > 0 && at < total {
			c := at % b.w
			out := b.row(img, at/b.w)[3*c:][:3*min(n, b.w-c)]
			for i := 0; i < len(out); i += 3 {
				copy(out[i:i+3], b.palette[v][:])
			}
			n, at = n-len(out)/3, at+len(out)/3
		}
	}
	four := b.compression == bmpRLE4
	// pixels puts n of bytes that hold one or two each.
	pixels := func(packed []byte, n int) {
		for i := range n {
			switch {
			case !four:
				put(packed[i%len(packed)], 1)
			case i%2 == 0:
				put(packed[i/2%len(packed)]>>4, 1)
			default:
				put(packed[i/2%len(packed)]&15, 1)
			}
		}
	}
	for codes := 0; at < total; codes++ {
		if codes%4096 == 0 && ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if len(in) < 2 {
			return errBMPCut
		}
		n, code := int(in[0]), in[1:2]
		in = in[2:]
		switch {
		case n > 0: // a run
			n = max(0, min(n, b.w-x))
			pixels(code, n)
			x += n
		case code[0] == 0: // the end of a row
			if at%b.w != 0 {
				put(0, b.w-at%b.w)
			}
			x = 0
		case code[0] == 1: // the end of the image
			put(0, total-at)
		case code[0] == 2: // a step to the right and up
			if len(in) < 2 {
				return errBMPCut
			}
			put(0, int(in[0])+int(in[1])*b.w)
			x, in = at%b.w, in[2:]
		default: // pixels one by one, in whole 16-bit words
			n := int(code[0])
			size := n
			if four {
				size = (n + 1) / 2
			}
			if len(in) < size {
				return errBMPCut
			}
			pixels(in[:size], n)
			x += n
			in = in[min(len(in), size+size%2):]
		}
	}
	return nil
}
