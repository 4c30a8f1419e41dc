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
			return 0, errors.New("the file is cut off")
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
	next := p.sampler()
	for y := range p.h {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		row := img.row(y)
		for i := 0; i < len(row); i += 3 / p.channels {
			v, err := next(i/3, p.w)
			if err != nil {
				return err
			}
			if row[i] = v; p.channels == 1 {
				row[i+1], row[i+2] = v, v
			}
		}
	}
	return nil
}

// sampler reads sample after sample as 0 to 255, told its column and their number.
func (p *pnm) sampler() func(x, w int) (uint8, error) {
	scaled := make([]uint8, p.most+1)
	for v := range scaled {
		scaled[v] = uint8(math.RoundToEven(float64(v) / float64(p.most) * 255))
	}
	cut := errors.New("the file is cut off")
	switch {
	case p.bitmap && p.plain: // digits need no space between them
		return func(int, int) (uint8, error) {
			p.skip()
			if len(p.data) == 0 {
				return 0, cut
			}
			c := p.data[0]
			p.data = p.data[1:]
			if c != '0' && c != '1' {
				return 0, fmt.Errorf("%q where 0 or 1 is expected", c)
			}
			return ('1' - c) * 255, nil
		}
	case p.bitmap:
		return func(x, w int) (uint8, error) {
			if len(p.data) == 0 {
				return 0, cut
			}
			bit := p.data[0] >> (7 - x%8) & 1
			if x%8 == 7 || x == w-1 {
				p.data = p.data[1:]
			}
			return (1 - bit) * 255, nil
		}
	case p.plain:
		return func(int, int) (uint8, error) {
			v, err := p.number()
			if err == nil && v > p.most {
				err = fmt.Errorf("a value of %d, the largest is to be %d", v, p.most)
			}
			if err != nil {
				return 0, err
			}
			return scaled[v], nil
		}
	}
	size := 1
	if p.most > 255 {
		size = 2
	}
	return func(int, int) (uint8, error) {
		if len(p.data) < size {
			return 0, cut
		}
		v := int(p.data[0])
		if size == 2 {
			v = v<<8 | int(p.data[1])
		}
		p.data = p.data[size:]
		return scaled[min(v, p.most)], nil
	}
}
