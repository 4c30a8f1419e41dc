package jpeg

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
)

// DecodeAny decodes any Huffman-coded file of 8 bits: sequential or progressive, of
// one, three or four channels, in one scan or in several. Damaged data is read as
// libjpeg reads it: a restart marker that is lost or misnumbered costs the pixels
// around it, and what is missing before an early end marker stays grey. A file that
// ends before its pixels are whole is an error. So is the end of ctx.
func DecodeAny(ctx context.Context, data []byte) (*Planar, error) {
	d := &general{ctx: ctx, in: bitSource{data: data}, adobe: -1}
	if err := d.markers(false); err != nil {
		return nil, err
	}
	if err := d.transform(); err != nil {
		return nil, err
	}
	return d.planar(), nil
}

// Header is what a file says before its first scan.
type Header struct {
	W, H  int
	Bytes int64 // that DecodeAny allocates
}

// ReadHeader reads a file up to its first scan. What is wrong after the size is an error
// of DecodeAny alone.
func ReadHeader(data []byte) (Header, error) {
	d := &general{ctx: context.Background(), in: bitSource{data: data}, adobe: -1}
	if err := d.markers(true); err != nil && len(d.channels) == 0 {
		return Header{}, err
	}
	h := Header{W: d.w, H: d.h}
	for i := range d.channels {
		c := &d.channels[i]
		samples := 64 * int64(c.blocksX) * int64(c.blocksY)
		h.Bytes += samples
		if d.buffered || d.progressive {
			h.Bytes += samples*2 + samples/64
		}
	}
	return h, nil
}

// maxScans bounds the scans of a file, each of which may cover the whole picture in a
// few bytes. Encoders write about ten.
const maxScans = 100

var (
	errCut      = errors.New("the file is cut off")
	errNoScan   = errors.New("there is no picture in it")
	errTooMany  = fmt.Errorf("more than %d scans", maxScans)
	errSequence = errors.New("its segments are in the wrong order")
)

// general is the state of DecodeAny.
type general struct {
	ctx         context.Context
	in          bitSource
	w, h        int
	progressive bool
	channels    []channel
	hMax, vMax  int
	quant       [4]*[64]uint16
	dc, ac      [4]*huffman
	interval    int // MCUs between restart markers, 0: none
	jfif        bool
	adobe       int // colour transform of Adobe's segment, -1: no such segment
	scans       int
	buffered    bool // coefficients are kept until all scans are read
}

// channel is one colour.
type channel struct {
	id               byte
	h, v             int // sampling factors
	table            byte
	quant            *[64]uint16 // that of its first scan
	w, hgt           int         // samples that count
	blocksX, blocksY int         // blocks there are, in whole MCUs
	coefficients     [][64]int16 // in zigzag order, if they are kept
	last             []uint8     // by block: the highest position that is not zero
	pix              []uint8
	missing          [64]uint8 // bits of each coefficient that have not come; 255: none has

	dc, ac    *huffman
	predictor int
}

// markers reads segments up to the end, or up to the first scan for the header alone.
func (d *general) markers(headerOnly bool) error {
	if len(d.in.data) < 2 || d.in.data[0] != 0xff || d.in.data[1] != soi {
		return errNoScan
	}
	d.in.at = 2
	for {
		marker, ok := d.in.nextMarker()
		if !ok {
			if d.whole() {
				return nil // nothing but the marker of the end is missing
			}
			return errCut
		}
		if marker == eoi {
			if d.scans == 0 {
				return errNoScan
			}
			return nil
		}
		if marker == tem || rst0 <= marker && marker <= rst7 {
			continue // they have no parameters
		}
		body, ok := d.in.segment()
		if !ok {
			if d.whole() {
				return nil
			}
			return errCut
		}
		if marker == sos {
			s, err := d.scanHeader(body)
			if err != nil || headerOnly {
				return err
			}
			if err := d.scan(s); err != nil {
				return err
			}
			if !d.buffered {
				return nil
			}
			continue
		}
		if err := d.parameters(marker, body); err != nil {
			return err
		}
	}
}

// parameters reads a segment that is not a scan.
func (d *general) parameters(marker byte, body []byte) error {
	switch {
	case marker == sof0 || marker == sof1 || marker == sof2:
		d.progressive = marker == sof2
		return d.frame(body)
	case marker == dht:
		return d.huffmanTables(body)
	case marker == dqt:
		return d.quantTables(body)
	case marker == dri:
		if len(body) != 2 {
			return errSequence
		}
		d.interval = int(binary.BigEndian.Uint16(body))
	case marker == app0:
		d.jfif = d.jfif || len(body) >= 14 && string(body[:5]) == "JFIF\x00"
	case marker == appE:
		if len(body) >= 12 && string(body[:5]) == "Adobe" {
			d.adobe = int(body[11])
		}
	case app0 < marker && marker <= appF || marker == com || marker == dnl || marker == dac:
	case marker == soi:
		return errSequence
	case sof0 < marker && marker <= sofF:
		kind := "lossless or hierarchical"
		if marker >= sof9 {
			kind = "arithmetic"
		}
		return Unsupported(kind + " coding")
	default:
		return fmt.Errorf("an unknown marker %#02x", marker)
	}
	return nil
}

// Unsupported says of a good file what is not read.
type Unsupported string

func (e Unsupported) Error() string { return string(e) }

// frame reads SOF0, SOF1 or SOF2 (B.2.2).
func (d *general) frame(body []byte) error {
	if len(d.channels) > 0 || len(body) < 6 || len(body) != 6+3*int(body[5]) {
		return errSequence
	}
	if body[0] != 8 {
		return Unsupported(fmt.Sprintf("%d bits a sample", body[0]))
	}
	d.h, d.w = int(binary.BigEndian.Uint16(body[1:])), int(binary.BigEndian.Uint16(body[3:]))
	n := int(body[5])
	switch {
	case d.h == 0 || d.w == 0:
		return fmt.Errorf("%dx%d pixels", d.w, d.h)
	case n != 1 && n != 3 && n != 4:
		return Unsupported(fmt.Sprintf("%d channels", n))
	}
	d.hMax, d.vMax = 1, 1
	for i := range n {
		p := body[6+3*i:]
		c := channel{id: p[0], h: int(p[1] >> 4), v: int(p[1] & 15), table: p[2]}
		if c.h < 1 || c.h > 4 || c.v < 1 || c.v > 4 || c.table > 3 {
			return errSequence
		}
		for k := range c.missing {
			c.missing[k] = 255
		}
		d.hMax, d.vMax = max(d.hMax, c.h), max(d.vMax, c.v)
		d.channels = append(d.channels, c)
	}
	mcusX, mcusY := divideUp(d.w, 8*d.hMax), divideUp(d.h, 8*d.vMax)
	for i := range d.channels {
		c := &d.channels[i]
		if d.hMax%c.h != 0 || d.vMax%c.v != 0 {
			return Unsupported(fmt.Sprintf("channels sampled %d:%d and %d:%d", d.hMax, c.h, d.vMax, c.v))
		}
		c.w, c.hgt = divideUp(d.w*c.h, d.hMax), divideUp(d.h*c.v, d.vMax)
		c.blocksX, c.blocksY = mcusX*c.h, mcusY*c.v
	}
	return nil
}

func divideUp(a, b int) int { return (a + b - 1) / b }

// quantTables reads DQT (B.2.4.1).
func (d *general) quantTables(body []byte) error {
	for len(body) > 0 {
		wide, id := body[0]>>4, body[0]&15
		size := 64 << (wide & 1)
		if wide > 1 || id > 3 || len(body) < 1+size {
			return errSequence
		}
		q := new([64]uint16)
		for k := range q {
			if wide == 1 {
				q[k] = binary.BigEndian.Uint16(body[1+2*k:])
			} else {
				q[k] = uint16(body[1+k])
			}
		}
		d.quant[id] = q
		body = body[1+size:]
	}
	return nil
}

// huffmanTables reads DHT (B.2.4.2). A table that makes no sense is an error when a
// scan uses it.
func (d *general) huffmanTables(body []byte) error {
	for len(body) > 0 {
		if len(body) < 17 {
			return errSequence
		}
		class, id := body[0]>>4, body[0]&15
		total := 0
		for _, n := range body[1:17] {
			total += int(n)
		}
		if class > 1 || id > 3 || total > 256 || len(body) < 17+total {
			return errSequence
		}
		t, tables, most := new(huffman), &d.dc, byte(15)
		if class == 1 {
			tables, most = &d.ac, 255
		}
		if !t.build(body[1:17], body[17:][:total], most) {
			t = nil
		}
		tables[id] = t
		body = body[17+total:]
	}
	return nil
}

// scanSpec is one scan (B.2.3).
type scanSpec struct {
	of        []*channel
	from, to  int // of the coefficients
	low, high int // the bit that it has, and the one before it; high 0: it is the first
}

func (d *general) scanHeader(body []byte) (s scanSpec, err error) {
	if len(d.channels) == 0 || len(body) < 1 || len(body) != 4+2*int(body[0]) || body[0] < 1 || int(body[0]) > len(d.channels) {
		return s, errSequence
	}
	if d.scans++; d.scans > maxScans {
		return s, errTooMany
	}
	n := int(body[0])
	spectral := body[1+2*n:]
	s.from, s.to, s.high, s.low = int(spectral[0]), int(spectral[1]), int(spectral[2]>>4), int(spectral[2]&15)
	if d.progressive {
		dcScan := s.from == 0
		if dcScan && s.to != 0 || !dcScan && (s.from > s.to || s.to > 63 || n != 1) || s.high != 0 && s.low != s.high-1 || s.low > 13 {
			return s, errSequence
		}
	} else {
		s.from, s.to, s.high, s.low = 0, 63, 0, 0
	}
	for i := range n {
		id, dc, ac := body[1+2*i], body[2+2*i]>>4, body[2+2*i]&15
		c := d.channel(id, s.of)
		if c == nil || dc > 3 || ac > 3 {
			return s, errSequence
		}
		if c.quant == nil {
			if d.quant[c.table] == nil {
				return s, errors.New("a quantisation table is missing")
			}
			c.quant = d.quant[c.table]
		}
		if !d.progressive {
			d.standardTables()
		}
		c.dc, c.ac, c.predictor = d.dc[dc], d.ac[ac], 0
		needsDC, needsAC := s.from == 0 && s.high == 0, s.to > 0
		if needsDC && c.dc == nil || needsAC && c.ac == nil {
			return s, errors.New("a Huffman table is missing or malformed")
		}
		s.of = append(s.of, c)
	}
	if d.scans == 1 {
		d.buffered = d.progressive || n < len(d.channels)
	}
	return s, nil
}

// channel finds the one of an id that is not among those taken.
func (d *general) channel(id byte, taken []*channel) *channel {
	for i := range d.channels {
		c := &d.channels[i]
		if c.id != id {
			continue
		}
		free := true
		for _, t := range taken {
			free = free && t != c
		}
		if free {
			return c
		}
	}
	return nil
}

// whole reports whether every bit of every coefficient has come.
func (d *general) whole() bool {
	for i := range d.channels {
		for _, bits := range d.channels[i].missing {
			if bits != 0 {
				return false
			}
		}
	}
	return len(d.channels) > 0
}

// allocate makes the memory of the picture, once.
func (d *general) allocate() {
	for i := range d.channels {
		c := &d.channels[i]
		blocks := c.blocksX * c.blocksY
		switch {
		case d.buffered && c.coefficients == nil:
			c.coefficients, c.last = make([][64]int16, blocks), make([]uint8, blocks)
		case !d.buffered:
			c.pix = make([]uint8, 64*blocks)
		}
	}
}

// transform turns kept coefficients into samples.
func (d *general) transform() error {
	if !d.buffered {
		return nil
	}
	for i := range d.channels {
		c := &d.channels[i]
		c.pix = make([]uint8, 64*c.blocksX*c.blocksY)
		var block [64]int32
		for y := range c.blocksY {
			if err := d.ctx.Err(); err != nil {
				return context.Cause(d.ctx)
			}
			for x := range c.blocksX {
				b := y*c.blocksX + x
				c.inverse(x, y, &c.coefficients[b], int(c.last[b]), &block)
			}
		}
		c.coefficients, c.last = nil, nil
	}
	return nil
}

// inverse writes the samples of a block. block is zero, and is so afterwards.
func (c *channel) inverse(x, y int, coefficients *[64]int16, last int, block *[64]int32) {
	if c.quant != nil { // it has been in a scan
		for k := range last + 1 {
			block[zigzag[k]] = int32(coefficients[k]) * int32(c.quant[k])
		}
	}
	stride := 8 * c.blocksX
	inverse(c.pix[8*y*stride+8*x:], stride, block, last)
}
