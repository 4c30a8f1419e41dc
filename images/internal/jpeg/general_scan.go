package jpeg

import "context"

// scan decodes one scan (F.2, G.2).
func (d *general) scan(s scanSpec) error {
	d.allocate()
	for _, c := range s.of {
		for k := s.from; k <= s.to; k++ {
			c.missing[k] = uint8(s.low)
		}
	}
	d.in.begin()
	e := entropy{general: d, scanSpec: s, left: d.interval}
	mcusX, mcusY := divideUp(d.w, 8*d.hMax), divideUp(d.h, 8*d.vMax)
	single := len(s.of) == 1
	if single { // not interleaved: an MCU is a block (A.2.2)
		mcusX, mcusY = divideUp(s.of[0].w, 8), divideUp(s.of[0].hgt, 8)
	}
	for y := range mcusY {
		if d.ctx.Err() != nil {
			return context.Cause(d.ctx)
		}
		for x := range mcusX {
			e.restart()
			e.lost = d.in.starved
			for _, c := range s.of {
				h, v := c.h, c.v
				if single {
					h, v = 1, 1
				}
				for dy := range v {
					for dx := range h {
						e.block(c, x*h+dx, y*v+dy)
					}
				}
			}
			if d.in.cut {
				return errCut
			}
		}
	}
	return nil
}

// entropy is the state of a scan.
type entropy struct {
	*general
	scanSpec
	left   int  // MCUs up to the next restart marker
	next   byte // number of the restart marker
	eobRun int  // blocks that have no more coefficients in the band (G.1.2.2)
	lost   bool // bits were missing before this MCU: its coefficients are not read
	direct struct {
		coefficients [64]int16
		scaled       [64]int32
	}
}

// restart passes the restart marker that is due, if one is (F.1.1.5.3).
func (e *entropy) restart() {
	if e.interval == 0 {
		return
	}
	if e.left == 0 {
		e.in.restart(e.next)
		e.next = (e.next + 1) & 7
		e.left, e.eobRun = e.interval, 0
		for i := range e.of {
			e.of[i].predictor = 0
		}
	}
	e.left--
}

// block decodes the block at column x and row y of a channel.
func (e *entropy) block(c *channel, x, y int) {
	at := y*c.blocksX + x
	switch {
	case !e.buffered:
		last := 0
		if !e.lost {
			last = e.sequential(c, &e.direct.coefficients)
		}
		c.inverse(x, y, &e.direct.coefficients, last, &e.direct.scaled)
		clear(e.direct.coefficients[:last+1])
	case !e.progressive:
		if !e.lost {
			c.last[at] = uint8(e.sequential(c, &c.coefficients[at]))
		}
	case e.from == 0 && e.high == 0:
		if !e.lost {
			c.coefficients[at][0] = int16(e.difference(c) << e.low)
		}
	case e.from == 0:
		c.coefficients[at][0] |= int16(e.in.bits(1)) << e.low
	case e.lost:
	case e.high == 0:
		e.band(c, &c.coefficients[at], &c.last[at])
	default:
		e.refine(c, &c.coefficients[at], &c.last[at])
	}
}

// difference reads a DC coefficient, which is told as the difference to the one before.
func (e *entropy) difference(c *channel) int {
	c.predictor += e.in.value(uint(e.in.symbol(c.dc)) & 15)
	return c.predictor
}

// sequential reads all coefficients of a block (F.2.2).
func (e *entropy) sequential(c *channel, b *[64]int16) (last int) {
	b[0] = int16(e.difference(c))
	for k := 1; k < 64; k++ {
		symbol := e.in.symbol(c.ac)
		run, size := int(symbol>>4), uint(symbol&15)
		if size == 0 {
			if run != 15 {
				break
			}
			k += 15
			continue
		}
		k += run
		v := int16(e.in.value(size))
		last = min(k, 63) // damaged data may run beyond it
		b[last] = v
	}
	return last
}

// band reads the upper bits of a band of AC coefficients (G.1.2.2).
func (e *entropy) band(c *channel, b *[64]int16, last *uint8) {
	if e.eobRun > 0 {
		e.eobRun--
		return
	}
	for k := e.from; k <= e.to; k++ {
		symbol := e.in.symbol(c.ac)
		run, size := int(symbol>>4), uint(symbol&15)
		if size == 0 {
			if run != 15 {
				e.eobRun = e.in.runLength(run) - 1
				return
			}
			k += 15
			continue
		}
		k = min(k+run, 63)
		b[k] = int16(e.in.value(size) << e.low)
		*last = max(*last, uint8(k))
	}
}

// refine reads one more bit of a band of AC coefficients (G.1.2.3).
func (e *entropy) refine(c *channel, b *[64]int16, last *uint8) {
	bit := int16(1) << e.low
	k := e.from
	if e.eobRun == 0 {
		for ; k <= e.to; k++ {
			symbol := e.in.symbol(c.ac)
			run, fresh := int(symbol>>4), int16(0)
			if symbol&15 != 0 {
				if fresh = -bit; e.in.bits(1) == 1 {
					fresh = bit
				}
			} else if run != 15 {
				e.eobRun = e.in.runLength(run)
				break
			}
			for ; k <= e.to; k++ {
				if b[k] != 0 {
					e.in.refine(&b[k], bit)
				} else if run--; run < 0 {
					break
				}
			}
			if at := min(k, 63); fresh != 0 {
				b[at] = fresh
				*last = max(*last, uint8(at))
			}
		}
	}
	if e.eobRun > 0 {
		for end := min(e.to, int(*last)); k <= end; k++ {
			if b[k] != 0 {
				e.in.refine(&b[k], bit)
			}
		}
		e.eobRun--
	}
}
