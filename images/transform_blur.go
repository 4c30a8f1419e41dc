package images

import (
	"encoding/binary"
	"math"
	"math/rand/v2"
)

// GaussianBlur smooths the image with about a Gaussian of standard deviation
// sigma pixels: three box filters of fractional width each way, as Pillow's
// ImageFilter.GaussianBlur has them (P. Gwosdek et al., "Theoretical Foundations
// of Gaussian Convolution by Extended Box Filtering", 2011), with 8-bit values
// in between and the border pixels repeated outwards.
func GaussianBlur(img *Image, sigma float64, work *Workspace) {
	if !(sigma > 0) || len(img.Pix) == 0 {
		return
	}
	f := newBoxFilter(sigma)
	f.blurRows(img, work)
	f.blurColumns(img, work)
}

// RandomBlur is GaussianBlur with probability P and a sigma drawn from
// Sigma[0] to Sigma[1] pixels.
type RandomBlur struct {
	P     float64    `json:"p"`
	Sigma [2]float64 `json:"sigma"`
}

// Apply implements Transform.
func (t RandomBlur) Apply(img *Image, rng *rand.Rand, work *Workspace) *Image {
	if chance(rng, t.P) {
		GaussianBlur(img, uniform(rng, t.Sigma[0], t.Sigma[1]), work)
	}
	return img
}

const blurPasses = 3

// boxFilter averages 2*radius+1 values with weight inner each, and the next one
// on either side with weight outer; all weights together are 2^24, or a few less.
//
// It works on "pairs": two bytes in the 32-bit halves of a uint64, so that one
// multiplication does for both. The halves cannot overflow into each other:
// 255*2^24 and the rounding half are less than 2^32.
type boxFilter struct {
	radius       int
	inner, outer uint64
}

const (
	pairMask = 0x000000FF_000000FF
	pairHalf = 0x00800000_00800000 // one half, for rounding, in 2^-24
)

// newBoxFilter finds the box of which three passes have variance sigma^2.
func newBoxFilter(sigma float64) boxFilter {
	s2 := float32(sigma) * float32(sigma) / blurPasses
	l := float32(math.Floor((math.Sqrt(12*float64(s2)+1) - 1) / 2))
	a := (2*l + 1) * (l*(l+1) - 3*s2) / (6 * (s2 - (l+1)*(l+1)))
	width := l + a
	f := boxFilter{radius: int(width)}
	f.inner = uint64((1 << 24) / (2*width + 1))
	f.outer = (1<<24 - uint64(2*f.radius+1)*f.inner) / 2
	return f
}

// buffers gives two lines of n words with room for the border on both sides.
func (f boxFilter) buffers(work *Workspace, n, stride int) (a, b []uint64) {
	n += 2 * (f.radius + 1) * stride
	for i := range work.blur {
		if cap(work.blur[i]) < n {
			work.blur[i] = make([]uint64, n)
		}
	}
	return work.blur[0][:n], work.blur[1][:n]
}

// blurRows filters along x, two rows in a pair. Neighbours are 3 words apart.
func (f boxFilter) blurRows(img *Image, work *Workspace) {
	n := 3 * img.W
	a, b := f.buffers(work, n, 3)
	at := 3 * (f.radius + 1)
	for y := 0; y < img.H; y += 2 {
		top := img.row(y)
		bottom := img.row(min(y+1, img.H-1))
		line := a[at:][:n]
		bottom, line = bottom[:len(top)], line[:len(top)]
		for i, v := range top {
			line[i] = uint64(v) | uint64(bottom[i])<<32
		}
		line = f.passes(a, b, n, 3)
		line = line[:len(top)]
		for i := range top {
			top[i] = uint8(line[i])
			bottom[i] = uint8(line[i] >> 32)
		}
	}
}

// blurColumns filters along y, eight columns of bytes at a time: four pairs a
// row. Neighbours are 4 words apart.
func (f boxFilter) blurColumns(img *Image, work *Workspace) {
	n := 4 * img.H
	a, b := f.buffers(work, n, 4)
	at := 4 * (f.radius + 1)
	width := 3 * img.W
	for x := 0; x < width; x += 8 {
		line := a[at:][:n]
		for i, p := 0, img.Pix[x:]; i < n; i += 4 {
			v := loadUpTo8(p, width-x)
			l := line[i : i+4 : i+4]
			l[0] = v & pairMask
			l[1] = v >> 8 & pairMask
			l[2] = v >> 16 & pairMask
			l[3] = v >> 24 & pairMask
			p = p[min(width, len(p)):]
		}
		line = f.passes(a, b, n, 4)
		for i, p := 0, img.Pix[x:]; i < n; i += 4 {
			l := line[i : i+4 : i+4]
			storeUpTo8(p, width-x, l[0]|l[1]<<8|l[2]<<16|l[3]<<24)
			p = p[min(width, len(p)):]
		}
	}
}

// passes applies the filter three times to the n words in the middle of a and
// returns where the result lies.
func (f boxFilter) passes(a, b []uint64, n, stride int) []uint64 {
	for range blurPasses {
		f.repeatBorder(a, n, stride)
		out := b[stride*(f.radius+1):][:n]
		switch f.radius {
		case 0:
			f.pass0(out, a, stride)
		case 1:
			f.pass1(out, a, stride)
		default:
			f.pass(out, a, stride)
		}
		a, b = b, a
	}
	return a[stride*(f.radius+1):][:n]
}

func (f boxFilter) repeatBorder(line []uint64, n, stride int) {
	border := stride * (f.radius + 1)
	for i := border - 1; i >= 0; i-- {
		line[i] = line[i+stride]
	}
	for i := border + n; i < len(line); i++ {
		line[i] = line[i-stride]
	}
}

// pass0 is pass for radius 0: three values.
func (f boxFilter) pass0(out, in []uint64, stride int) {
	n := len(out)
	in0, in1, in2 := in[:n], in[stride:][:n], in[2*stride:][:n]
	for i := range out {
		sum := in1[i]*f.inner + (in0[i]+in2[i])*f.outer + pairHalf
		out[i] = sum >> 24 & pairMask
	}
}

// pass1 is pass for radius 1: five values. The recipe's sigma up to 2 needs no
// more.
func (f boxFilter) pass1(out, in []uint64, stride int) {
	n := len(out)
	in0, in1, in2 := in[:n], in[stride:][:n], in[2*stride:][:n]
	in3, in4 := in[3*stride:][:n], in[4*stride:][:n]
	for i := range out {
		sum := (in1[i]+in2[i]+in3[i])*f.inner + (in0[i]+in4[i])*f.outer + pairHalf
		out[i] = sum >> 24 & pairMask
	}
}

// pass is one pass with any radius. in begins a border of radius+1 values before
// the first of out.
func (f boxFilter) pass(out, in []uint64, stride int) {
	span := 2*f.radius + 1 // values with the inner weight
	for first := range min(stride, len(out)) {
		var window uint64
		for k := 1; k <= span; k++ {
			window += in[first+k*stride]
		}
		for i := first; i < len(out); i += stride {
			sum := window*f.inner + (in[i]+in[i+(span+1)*stride])*f.outer + pairHalf
			out[i] = sum >> 24 & pairMask
			window += in[i+(span+1)*stride] - in[i+stride]
		}
	}
}

// loadUpTo8 reads the first n bytes of p, at most 8, as a little-endian number.
func loadUpTo8(p []uint8, n int) (v uint64) {
	if n >= 8 {
		return binary.LittleEndian.Uint64(p)
	}
	for i := range n {
		v |= uint64(p[i]) << (8 * i)
	}
	return v
}

// storeUpTo8 writes the lowest n bytes of v, at most 8, to p.
func storeUpTo8(p []uint8, n int, v uint64) {
	if n >= 8 {
		binary.LittleEndian.PutUint64(p, v)
		return
	}
	for i := range n {
		p[i] = uint8(v >> (8 * i))
	}
}
