// Package jpeg decodes JPEG files to what libjpeg decodes them to, and as much of
// damaged ones as libjpeg does, where image/jpeg gives up.
//
// Decoder is for what photographs mostly are: sequential, Huffman-coded, 8 bits, grey
// or YCbCr in one interleaved scan, chroma whole or halved. DecodeAny is for the rest
// and for damaged files: progressive ones, several scans, other samplings, RGB, CMYK.
//
// Decoder is there for speed. Two views of a 640x480 photograph take less time than
// image/jpeg takes to decode it, so that with it the whole pipeline would be
// slower than torchvision's. It takes about 2/5 of that time
// (BenchmarkDecode), by taking the stuffing out of the entropy-coded data
// beforehand, looking up code and value at once, and leaving out the parts of
// the inverse transform that are zero. The transform is libjpeg's, bit for bit.
//
// ITU-T T.81 (1992): Digital compression and coding of continuous-tone still
// images. Sections below are of that.
package jpeg

import (
	"context"
	"encoding/binary"
	"errors"
	"image"
)

// ErrUnsupported says that a file is damaged or of a kind that DecodeAny has to
// decode.
var ErrUnsupported = errors.New("jpeg: not a plain sequential file")

// Decoder decodes files one after another, reusing its memory. The zero value is
// ready.
type Decoder struct {
	w, h       int
	components []component
	quant      [4]quantTable
	dc, ac     [4]huffman
	restart    int // MCUs between restart markers, 0: none

	planes   [3][]uint8
	entropy  []byte // entropy-coded data without stuffing and markers
	segments []int  // where its restart intervals end
	block    [64]int32
	ycbcr    image.YCbCr
	grey     image.Gray
}

// component is a colour channel.
type component struct {
	id        byte
	h, v      int // sampling factors
	quant     *quantTable
	dc, ac    *huffman
	plane     []uint8
	stride    int
	predictor int32
}

// quantTable is in zigzag order; what lies beyond 64 is never used, see scan.
type quantTable struct {
	defined bool
	q       [128]int32
}

// markers, table B.1
const (
	tem  = 0x01
	sof0 = 0xc0 // baseline
	sof1 = 0xc1 // extended sequential
	sof2 = 0xc2 // progressive
	dht  = 0xc4
	sof9 = 0xc9 // from here on arithmetic coding
	dac  = 0xcc
	sofF = 0xcf
	rst0 = 0xd0
	rst7 = 0xd7
	soi  = 0xd8
	eoi  = 0xd9
	sos  = 0xda
	dqt  = 0xdb
	dnl  = 0xdc
	dri  = 0xdd
	app0 = 0xe0
	appE = 0xee // Adobe's
	appF = 0xef
	com  = 0xfe
)

// maxPixels is the largest image that is decoded, a little above Pillow's limit.
const maxPixels = 180e6

// Bytes is the memory that the decoder keeps.
func (d *Decoder) Bytes() int {
	n := cap(d.entropy)
	for _, plane := range d.planes {
		n += cap(plane)
	}
	return n
}

// Decode decodes a file to *image.YCbCr or *image.Gray, whose memory is the
// decoder's and valid until the next call. Every error is ErrUnsupported, at the end
// of ctx too.
func (d *Decoder) Decode(ctx context.Context, data []byte) (image.Image, error) {
	d.components, d.restart = d.components[:0], 0
	d.block = [64]int32{} // a file that was given up may have left some of its last block
	for i := range 4 {
		d.quant[i].defined, d.dc[i].defined, d.ac[i].defined = false, false, false
	}
	if len(data) < 4 || data[0] != 0xff || data[1] != soi {
		return nil, ErrUnsupported
	}
	rest := data[2:]
	for {
		marker, body, after, ok := segment(rest)
		if !ok {
			return nil, ErrUnsupported
		}
		rest = after
		switch {
		case marker == sof0 || marker == sof1:
			ok = d.frame(body)
		case marker == dht:
			ok = d.huffmanTables(body)
		case marker == dqt:
			ok = d.quantTables(body)
		case marker == dri:
			if ok = len(body) == 2; ok {
				d.restart = int(binary.BigEndian.Uint16(body))
			}
		case marker == appE:
			// Adobe's transform 0 means RGB.
			ok = !(len(body) >= 12 && string(body[:5]) == "Adobe" && body[11] != 1)
		case marker == sos:
			if !d.scanHeader(body) || !d.collect(rest) || !d.scan(ctx) {
				return nil, ErrUnsupported
			}
			return d.result(), nil
		default:
			ok = app0 <= marker && marker <= appF || marker == com
		}
		if !ok {
			return nil, ErrUnsupported
		}
	}
}

// segment splits off a marker with its parameters (B.1.1.4).
func segment(data []byte) (marker byte, body, rest []byte, ok bool) {
	if len(data) < 4 || data[0] != 0xff {
		return 0, nil, nil, false
	}
	for data[1] == 0xff { // fill bytes
		if data = data[1:]; len(data) < 4 {
			return 0, nil, nil, false
		}
	}
	n := int(binary.BigEndian.Uint16(data[2:]))
	if n < 2 || len(data) < 2+n {
		return 0, nil, nil, false
	}
	return data[1], data[4 : 2+n], data[2+n:], true
}

// quantTables reads DQT (B.2.4.1).
func (d *Decoder) quantTables(body []byte) bool {
	for len(body) > 0 {
		wide, id := body[0]>>4, body[0]&15
		size := 64 << wide
		if wide > 1 || id > 3 || len(body) < 1+size {
			return false
		}
		t := &d.quant[id]
		t.defined = true
		for k := range 64 {
			if wide == 1 {
				t.q[k] = int32(binary.BigEndian.Uint16(body[1+2*k:]))
			} else {
				t.q[k] = int32(body[1+k])
			}
		}
		body = body[1+size:]
	}
	return true
}

// frame reads SOF0 or SOF1 (B.2.2).
func (d *Decoder) frame(body []byte) bool {
	if len(d.components) > 0 || len(body) < 6 || body[0] != 8 {
		return false
	}
	d.h, d.w = int(binary.BigEndian.Uint16(body[1:])), int(binary.BigEndian.Uint16(body[3:]))
	n := int(body[5])
	if d.h == 0 || d.w == 0 || d.h*d.w > maxPixels || n != 1 && n != 3 || len(body) != 6+3*n {
		return false
	}
	for i := range n {
		p := body[6+3*i:]
		c := component{id: p[0], h: int(p[1] >> 4), v: int(p[1] & 15)}
		if p[2] > 3 {
			return false
		}
		c.quant = &d.quant[p[2]]
		switch {
		case n == 1:
			c.h, c.v = 1, 1 // one component alone is not interleaved (A.2.2)
		case i == 0:
			if c.h < 1 || c.h > 2 || c.v < 1 || c.v > 2 {
				return false
			}
		case c.h != 1 || c.v != 1:
			return false
		}
		d.components = append(d.components, c)
	}
	// Without Adobe's marker these three mean RGB to image/jpeg and libjpeg.
	if n == 3 && d.components[0].id == 'R' && d.components[1].id == 'G' && d.components[2].id == 'B' {
		return false
	}
	for i := range d.components {
		c := &d.components[i]
		mcusX, mcusY := d.mcus()
		c.stride = 8 * c.h * mcusX
		size := c.stride * 8 * c.v * mcusY
		if cap(d.planes[i]) < size {
			d.planes[i] = make([]uint8, size)
		}
		c.plane = d.planes[i][:size]
	}
	return true
}

// mcus counts the minimum coded units in both directions.
func (d *Decoder) mcus() (x, y int) {
	w, h := 8*d.components[0].h, 8*d.components[0].v
	return (d.w + w - 1) / w, (d.h + h - 1) / h
}

// scanHeader reads SOS (B.2.3), which must be of all components at once.
func (d *Decoder) scanHeader(body []byte) bool {
	n := len(d.components)
	if n == 0 || len(body) != 4+2*n || int(body[0]) != n {
		return false
	}
	for i := range d.components {
		c := &d.components[i]
		id, dc, ac := body[1+2*i], body[2+2*i]>>4, body[2+2*i]&15
		if id != c.id || dc > 3 || ac > 3 {
			return false
		}
		c.dc, c.ac, c.predictor = &d.dc[dc], &d.ac[ac], 0
		if !c.dc.defined || !c.ac.defined || !c.quant.defined {
			return false
		}
	}
	spectral := body[1+2*n:]
	return spectral[0] == 0 && spectral[1] == 63 && spectral[2] == 0
}

// result wraps the planes.
func (d *Decoder) result() image.Image {
	rect := image.Rect(0, 0, d.w, d.h)
	y := d.components[0]
	if len(d.components) == 1 {
		d.grey = image.Gray{Pix: y.plane, Stride: y.stride, Rect: rect}
		return &d.grey
	}
	d.ycbcr = image.YCbCr{
		Y: y.plane, Cb: d.components[1].plane, Cr: d.components[2].plane,
		YStride: y.stride, CStride: d.components[1].stride, Rect: rect,
		SubsampleRatio: map[[2]int]image.YCbCrSubsampleRatio{
			{1, 1}: image.YCbCrSubsampleRatio444, {2, 1}: image.YCbCrSubsampleRatio422,
			{2, 2}: image.YCbCrSubsampleRatio420, {1, 2}: image.YCbCrSubsampleRatio440,
		}[[2]int{y.h, y.v}],
	}
	return &d.ycbcr
}
