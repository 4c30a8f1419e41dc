package images

import (
	"context"
	"errors"
	"fmt"
	"math"
)

// pnmFormat are the portable bitmap, graymap and pixmap, plain and raw.
// https://netpbm.sourceforge.net/doc/pnm.html
var pnmFormat = &fileFormat{name: "pnm", magic: []string{"P1", "P2", "P3", "P4", "P5", "P6"}, head: pnmHead, decode: decodePNM}

// pnm is a file's header and what follows it.
type pnm struct {
	w, h, most int
	channels   int // 1 or 3
	plain      bool
	bitmap     bool
	data       []byte
}

func pnmHead(data []byte) (header, error) {
	p, err := readPNM(data)
	return header{w: p.w, h: p.h}, err
}

func readPNM(data []byte) (p pnm, err error) {
	kind := data[1] - '0'
	p = pnm{most: 1, channels: 1, plain: kind <= 3, bitmap: kind == 1 || kind == 4, data: data[2:]}
	if kind == 3 || kind == 6 {
		p.channels = 3
	}
	fields := []*int{&p.w, &p.h, &p.most}
	if p.bitmap {
		fields = fields[:2]
	}
	for _, field := range fields {
		if *field, err = p.number(); err != nil {
			return p, err
		}
	}
	if p.most < 1 || p.most > math.MaxUint16 {
		return p, fmt.Errorf("a largest value of %d", p.most)
	}
	if len(p.data) > 0 {
		p.data = p.data[1:] // the white space after the header
	}
	return p, nil
}

func isSpace(c byte) bool { return c == ' ' || '\t' <= c && c <= '\r' }

// skip passes over white space and comments.
func (p *pnm) skip() {
	for len(p.data) > 0 && (isSpace(p.data[0]) || p.data[0] == '#') {
		comment := p.data[0] == '#'
		for p.data = p.data[1:]; comment && len(p.data) > 0 && p.data[0] != '\n' && p.data[0] != '\r'; {
			p.data = p.data[1:]
		}
	}
}

// number reads a decimal number.
func (p *pnm) number() (v int, err error) {
	p.skip()
	n := 0
	for ; n < len(p.data) && '0' <= p.data[n] && p.data[n] <= '9'; n++ {
		if v = 10*v + int(p.data[n]-'0'); v > math.MaxInt32 {
			return 0, errors.New("a number is too large")
		}
	}
	if n == 0 {
		if len(p.data) == 0 {
			return 0, errPNMCut
		}
		return 0, fmt.Errorf("%q where a number is expected", p.data[0])
	}
	p.data = p.data[n:]
	return v, nil
}

func decodePNM(ctx context.Context, data []byte, img *Image) error {
	p, err := readPNM(data)
	if err != nil {
		return err
	}
	img.Reset(p.w, p.h)
	read := p.rows()
	samples := make([]uint8, p.w*p.channels)
	for y := range p.h {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err := read(samples); err != nil {
			return err
		}
		if p.channels == 3 {
			copy(img.row(y), samples)
		} else {
			interleave(img.row(y), samples, samples, samples)
		}
	}
	return nil
}

var errPNMCut = errors.New("the file is cut off")

// rows returns what reads the next row, as samples from 0 to 255.
func (p *pnm) rows() func(row []uint8) error {
	switch {
	case p.bitmap && p.plain:
		return p.plainBits
	case p.bitmap:
		return p.rawBits
	}
	scaled := make([]uint8, p.most+1)
	for v := range scaled {
		scaled[v] = uint8(math.RoundToEven(float64(v) / float64(p.most) * 255))
	}
	if p.plain {
		return func(row []uint8) error { return p.plainRow(row, scaled) }
	}
	return func(row []uint8) error { return p.rawRow(row, scaled) }
}

// plainBits reads digits, which need no space between them.
func (p *pnm) plainBits(row []uint8) error {
	for x := range row {
		if p.skip(); len(p.data) == 0 {
			return errPNMCut
		}
		c := p.data[0]
		if c != '0' && c != '1' {
			return fmt.Errorf("%q where 0 or 1 is expected", c)
		}
		row[x], p.data = ('1'-c)*255, p.data[1:]
	}
	return nil
}

// rawBits reads whole bytes.
func (p *pnm) rawBits(row []uint8) error {
	size := (len(row) + 7) / 8
	if len(p.data) < size {
		return errPNMCut
	}
	for x := range row {
		row[x] = (1 - p.data[x/8]>>(7-x%8)&1) * 255
	}
	p.data = p.data[size:]
	return nil
}

func (p *pnm) plainRow(row, scaled []uint8) error {
	for x := range row {
		v, err := p.number()
		if err != nil {
			return err
		}
		if v > p.most {
			return fmt.Errorf("a value of %d, the largest is to be %d", v, p.most)
		}
		row[x] = scaled[v]
	}
	return nil
}

// rawRow reads one byte a sample, or two where values need them.
func (p *pnm) rawRow(row, scaled []uint8) error {
	size := 1
	if p.most > math.MaxUint8 {
		size = 2
	}
	if len(p.data) < size*len(row) {
		return errPNMCut
	}
	for x := range row {
		v := int(p.data[size*x])
		if size == 2 {
			v = v<<8 | int(p.data[2*x+1])
		}
		row[x] = scaled[min(v, p.most)]
	}
	p.data = p.data[size*len(row):]
	return nil
}
