package jpeg

import (
	"bytes"
	"encoding/binary"
)

// bitSource hands out the bits of a scan and the markers between scans. Where data is
// missing or damaged it does as libjpeg does: bits that are missing before a marker are
// zero, and no further block is read before the next restart.
type bitSource struct {
	data []byte
	at   int

	acc     uint64 // the upper n bits are the next ones, the others zero
	n       uint
	marker  byte // that was met, 0: none
	starved bool // bits were missing since the last restart
	cut     bool // bits were missing since the file ended
}

// begin starts a scan.
func (b *bitSource) begin() { b.acc, b.n, b.marker, b.starved = 0, 0, 0, false }

// fill makes n bits ready, n <= 32.
func (b *bitSource) fill(n uint) {
	for b.n <= 56 && b.marker == 0 && b.at < len(b.data) {
		c := b.data[b.at]
		b.at++
		if c == 0xff {
			for b.at < len(b.data) && b.data[b.at] == 0xff { // fill bytes
				b.at++
			}
			if b.at == len(b.data) {
				break
			}
			b.at++
			if next := b.data[b.at-1]; next != 0 {
				b.marker = next
				break
			}
		}
		b.acc |= uint64(c) << (56 - b.n)
		b.n += 8
	}
	if b.n < n {
		b.starved = true
		b.cut = b.cut || b.marker == 0
		b.n = 56
	}
}

// bits reads n bits, n <= 16.
func (b *bitSource) bits(n uint) uint32 {
	if b.n < n {
		b.fill(n)
	}
	v := uint32(b.acc >> 32 >> (32 - n))
	b.acc <<= n
	b.n -= n
	return v
}

// value reads a number of size bits (F.2.2.1).
func (b *bitSource) value(size uint) int {
	if size == 0 {
		return 0
	}
	return int(extend(b.bits(size), int(size)))
}

// symbol reads a code. One that the table does not have counts as zero.
func (b *bitSource) symbol(t *huffman) byte {
	if b.n < 16 {
		b.ready(t)
	}
	if e := t.short[b.acc>>56]; e != 0 {
		n := uint(e & 255)
		b.acc <<= n
		b.n -= n
		return byte(e >> 8)
	}
	next := int32(b.acc >> 48)
	for n := uint(9); n <= 16; n++ {
		if next < t.limit[n] {
			b.acc <<= n
			b.n -= n
			return t.values[uint8(next>>(16-n)-t.base[n])]
		}
	}
	b.bits(16) // libjpeg passes over one bit more than the longest code has
	b.bits(1)
	return 0
}

// ready fills up for a code. Where less than 16 bits are left, that is an end only for
// a code that is longer.
func (b *bitSource) ready(t *huffman) {
	b.fill(0)
	if b.n >= 16 {
		return
	}
	if e := t.short[b.acc>>56]; e != 0 && uint(e&255) <= b.n {
		return
	}
	next := int32(b.acc >> 48)
	for n := uint(9); n <= b.n; n++ {
		if next < t.limit[n] {
			return
		}
	}
	b.fill(16)
}

// runLength reads how many blocks, this one among them, have no more coefficients.
func (b *bitSource) runLength(bits int) int {
	return 1<<bits + int(b.bits(uint(bits)))
}

// refine reads whether a coefficient has one more bit.
func (b *bitSource) refine(v *int16, bit int16) {
	if b.bits(1) == 0 || *v&bit != 0 {
		return
	}
	if *v >= 0 {
		*v += bit
	} else {
		*v -= bit
	}
}

// restart looks for the restart marker of a number. Where another marker comes, it
// judges which of them is lost or damaged.
func (b *bitSource) restart(number byte) {
	b.acc, b.n = 0, 0
	if b.marker == 0 && !b.find() {
		b.cut = true
		return
	}
	for {
		ahead := (b.marker - rst0 - number) & 7
		switch {
		case b.marker < sof0, // not a marker that there is
			rst0 <= b.marker && b.marker <= rst7 && ahead >= 6: // one or two too early: it comes late
			if !b.find() {
				b.cut = true
				return
			}
		case b.marker < rst0 || b.marker > rst7, ahead == 1 || ahead == 2:
			return // the interval is lost, and the marker is that of a later one
		default: // it, or one so far off that its number is damaged
			b.marker, b.starved = 0, false
			return
		}
	}
}

// find goes to the next marker, over whatever is before it.
func (b *bitSource) find() bool {
	for b.marker = 0; b.at < len(b.data); {
		i := bytes.IndexByte(b.data[b.at:], 0xff)
		if i < 0 {
			break
		}
		for b.at += i; b.at < len(b.data) && b.data[b.at] == 0xff; {
			b.at++
		}
		if b.at == len(b.data) {
			break
		}
		b.at++
		if b.marker = b.data[b.at-1]; b.marker != 0 {
			return true
		}
	}
	b.at = len(b.data)
	return false
}

// nextMarker is the next one of a segment.
func (b *bitSource) nextMarker() (marker byte, ok bool) {
	if b.marker == 0 && !b.find() {
		return 0, false
	}
	marker, b.marker = b.marker, 0
	return marker, true
}

// segment is what follows a marker with parameters (B.1.1.4).
func (b *bitSource) segment() (body []byte, ok bool) {
	rest := b.data[b.at:]
	if len(rest) < 2 {
		return nil, false
	}
	n := int(binary.BigEndian.Uint16(rest))
	if n < 2 || n > len(rest) {
		return nil, false
	}
	b.at += n
	return rest[2:n], true
}
