package jpeg

import (
	"bytes"
	"context"
	"encoding/binary"
)

// collect copies the entropy-coded data of a scan without the zero bytes stuffed
// in after 0xff (B.1.1.5) and notes where its restart intervals end. The scan
// must be the last thing in the file. A file may lack the marker of its end, and
// nothing else: scan finds out whether bits are missing.
func (d *Decoder) collect(data []byte) bool {
	d.entropy, d.segments = d.entropy[:0], d.segments[:0]
	for restarts := byte(0); ; {
		i := bytes.IndexByte(data, 0xff)
		if i < 0 || i+1 >= len(data) {
			if i < 0 {
				i = len(data)
			}
			d.entropy = append(d.entropy, data[:i]...)
			d.endSegment()
			return true
		}
		next := data[i+1]
		switch {
		case next == 0: // stuffing
			d.entropy = append(d.entropy, data[:i+1]...)
			data = data[i+2:]
		case next == 0xff: // a fill byte
			d.entropy = append(d.entropy, data[:i]...)
			data = data[i+1:]
		case rst0 <= next && next <= rst7:
			if next != rst0+restarts {
				return false
			}
			restarts = (restarts + 1) & 7
			d.entropy = append(d.entropy, data[:i]...)
			d.endSegment()
			data = data[i+2:]
		default:
			d.entropy = append(d.entropy, data[:i]...)
			d.endSegment()
			return next == eoi
		}
	}
}

// endSegment closes a restart interval. The bits after it are set, as the
// padding within it.
func (d *Decoder) endSegment() {
	d.segments = append(d.segments, len(d.entropy))
	d.entropy = append(d.entropy, padding[:]...)
}

// padding lets 8 bytes be loaded from the last of a segment on, and then some.
var padding = [16]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}

// bitReader hands out bits: the upper n bits of acc are the next ones, and what
// is below them is the data that follows or zero.
type bitReader struct {
	data []byte // with padding
	at   int
	acc  uint64
	n    uint
}

// refill makes n at least 56, which is more than two symbols with values take.
func (r *bitReader) refill() {
	if r.at+8 > len(r.data) {
		r.at = len(r.data) - 8 // only damaged data comes here: overrun tells
		r.n = 0
	}
	r.acc |= binary.BigEndian.Uint64(r.data[r.at:]) >> (r.n & 63)
	r.at += int((63 - r.n) >> 3)
	r.n |= 56
}

// overrun tells whether more bits were used than the segment has.
func (r *bitReader) overrun() bool {
	return 8*r.at-int(r.n) > 8*(len(r.data)-len(padding))
}

// scan decodes all blocks of all components (F.2.1).
func (d *Decoder) scan(ctx context.Context) bool {
	mcusX, mcusY := d.mcus()
	intervals := 1
	if d.restart > 0 {
		intervals = (mcusX*mcusY + d.restart - 1) / d.restart
	}
	if intervals != len(d.segments) {
		return false
	}
	var bits bitReader
	segment, left := 0, 0
	for y := range mcusY {
		if ctx.Err() != nil {
			return false
		}
		for x := range mcusX {
			if left == 0 {
				if segment > 0 && bits.overrun() {
					return false
				}
				bits = d.segment(segment)
				segment++
				if left = d.restart; left == 0 {
					left = mcusX * mcusY
				}
			}
			left--
			if !d.mcu(&bits, x, y) {
				return false
			}
		}
	}
	return !bits.overrun()
}

// segment begins a restart interval.
func (d *Decoder) segment(i int) bitReader {
	from := 0
	if i > 0 {
		from = d.segments[i-1] + len(padding)
	}
	for c := range d.components {
		d.components[c].predictor = 0
	}
	return bitReader{data: d.entropy[from : d.segments[i]+len(padding)]}
}

// mcu decodes a minimum coded unit: the blocks of every component that cover
// one area.
func (d *Decoder) mcu(bits *bitReader, x, y int) bool {
	for i := range d.components {
		c := &d.components[i]
		for v := range c.v {
			for h := range c.h {
				last := c.decode(bits, &d.block)
				if last < 0 {
					return false
				}
				at := (y*c.v+v)*8*c.stride + (x*c.h+h)*8
				inverse(c.plane[at:], c.stride, &d.block, last)
			}
		}
	}
	return true
}

// decode reads the coefficients of a block and scales them (F.2.2). block must
// be zero. It returns the zigzag position of the last one, or -1 if the data
// makes no sense.
func (c *component) decode(r *bitReader, block *[64]int32) (last int) {
	if r.n < 32 {
		r.refill()
	}
	acc, n := r.acc, r.n
	q := &c.quant.q

	// DC: the difference to the block before.
	e := c.dc.fast[acc>>(64-fastBits)]
	used := uint(e & 255)
	var difference int32
	if e&hasValue != 0 {
		difference = int32(e) >> valueShift
	} else {
		symbol := byte(e >> 8)
		if used == 0 {
			if symbol, used = c.dc.long(int32(acc >> 48)); used == 0 {
				return -1
			}
		}
		if size := uint(symbol & 15); size > 0 {
			difference = extend(uint32(acc<<used>>(64-size)), int(size))
			used += size
		}
	}
	acc <<= used & 63
	n -= used
	c.predictor += difference
	block[0] = c.predictor * q[0]

	ac := &c.ac.fast
	k := 1
	for k < 64 {
		if n < 32 {
			r.acc, r.n = acc, n
			r.refill()
			acc, n = r.acc, r.n
		}
		e := ac[acc>>(64-fastBits)]
		used := uint(e & 255)
		var value int32
		if e&hasValue != 0 {
			k += int(e >> 8 & 15)
			value = int32(e) >> valueShift
		} else {
			symbol := byte(e >> 8)
			if used == 0 {
				if symbol, used = c.ac.long(int32(acc >> 48)); used == 0 {
					return -1
				}
			}
			size := uint(symbol & 15)
			if size == 0 {
				acc <<= used & 63
				n -= used
				if symbol != 0xf0 {
					if symbol != 0 {
						return -1
					}
					break // end of block
				}
				k += 16
				continue
			}
			k += int(symbol >> 4)
			value = extend(uint32(acc<<(used&63)>>(64-size)), int(size))
			used += size
		}
		acc <<= used & 63
		n -= used
		last = k
		block[zigzag[k&127]&63] = value * q[k&127]
		k++
	}
	r.acc, r.n = acc, n
	if k > 64 {
		return -1
	}
	return last
}

// zigzag is where in a block the k-th coefficient lies (figure A.6). Damaged
// data may make k up to 78, which decode finds out when the block is done.
var zigzag = func() (z [128]uint8) {
	k := 0
	for diagonal := range 15 {
		for i := range diagonal + 1 {
			x, y := diagonal-i, i
			if diagonal%2 == 0 {
				x, y = y, x
			}
			if x < 8 && y < 8 {
				z[k] = uint8(8*y + x)
				k++
			}
		}
	}
	return z
}()
