package images

import (
	"encoding/binary"
	"math"
)

// Rect is a rectangle of pixels: the upper left corner and the size.
type Rect struct{ X, Y, W, H int }

// ResizeBicubic scales the part of src within crop to w x h pixels, into dst.
// The part must lie within src and not be empty.
//
// This is Pillow's (and so torchvision's) bicubic resize: the Catmull-Rom kernel
// (a = -1/2), widened by the scale when shrinking (antialiasing), never looking
// outside of the crop; first along x, then along y, weights in 22-bit fixed
// point and 8-bit values in between.
//
// It is own code because golang.org/x/image/draw takes several times as long
// (BenchmarkResize): that works on float64 with an alpha channel, and plans again
// for every pair of sizes.
func ResizeBicubic(dst, src *Image, crop Rect, w, h int, work *Workspace) {
	work.resize.kernel, work.resize.side = catmullRom, bicubicSide
	work.resize.resize(dst, src, crop, w, h)
}

// ResizeBilinear is ResizeBicubic with Pillow's bilinear filter, a triangle that is
// widened by the scale when shrinking.
func ResizeBilinear(dst, src *Image, crop Rect, w, h int, work *Workspace) {
	work.resize.kernel, work.resize.side = triangle, bilinearSide
	work.resize.resize(dst, src, crop, w, h)
}

// resizer holds the plan and the intermediate values of a resize.
//
// Values travel as pairs: two in one uint64, the second shifted up by 32 bits.
// A sum of pairs times signed weights is then the pair of both sums, of which
// the lower has borrowed from the upper where it is negative; unpair undoes
// that. So one multiplication does the work of two, and nothing is rounded.
type resizer struct {
	kernel  func(x float64) float64
	side    float64 // the kernel ends so many pixels from its centre
	x, y    taps
	r, g, b []uint64 // two source rows, by channel
	rows    []uint8  // the image at its new width and old height
}

// taps says which source values every output value is made of: output i is the
// sum of weights[i*width:][:count[i]] times the values from first[i] on.
type taps struct {
	width        int
	first, count []int
	weights      []uint64 // 2^-22, negative ones in two's complement
	exact        []float64
}

const (
	weightBits   = 22
	half         = 1 << (weightBits - 1)
	bothHalves   = half | half<<32
	bicubicSide  = 2
	bilinearSide = 1
)

// plan prepares scaling in values to out by a kernel that ends side pixels from its
// centre.
func (t *taps) plan(in, out int, kernel func(x float64) float64, side float64) {
	scale := float64(in) / float64(out)
	stretch := max(scale, 1)
	support := side * stretch
	t.width = int(math.Ceil(support))*2 + 1
	t.first, t.count = grow(t.first, out), grow(t.count, out)
	t.weights, t.exact = grow(t.weights, out*t.width), grow(t.exact, t.width)
	for i := range out {
		center := (float64(i) + .5) * scale
		first := max(0, int(center-support+.5))
		count := min(in, int(center+support+.5)) - first
		sum := 0.
		for k := range count {
			t.exact[k] = kernel((float64(k+first) - center + .5) / stretch)
			sum += t.exact[k]
		}
		for k := range count {
			w := math.Round(t.exact[k] / sum * (1 << weightBits))
			t.weights[i*t.width+k] = uint64(int64(w))
		}
		t.first[i], t.count[i] = first, count
	}
}

func catmullRom(x float64) float64 {
	const a = -.5
	x = math.Abs(x)
	switch {
	case x < 1:
		return ((a+2)*x-(a+3))*x*x + 1
	case x < 2:
		return (((x-5)*x+8)*x - 4) * a
	}
	return 0
}

func triangle(x float64) float64 { return max(0, 1-math.Abs(x)) }

func (r *resizer) resize(dst, src *Image, crop Rect, w, h int) {
	dst.Reset(w, h)
	part := window{pix: src.Pix[3*(crop.Y*src.W+crop.X):], stride: 3 * src.W}
	out := window{pix: dst.Pix, stride: 3 * w}
	// A direction that keeps its size is not filtered.
	switch {
	case crop.W == w && crop.H == h:
		for y := range h {
			copy(out.row(y, w), part.row(y, w))
		}
	case crop.H == h:
		r.alongRows(out, w, part, crop.W, h)
	case crop.W == w:
		r.alongColumns(out, h, part, crop.H, w)
	default:
		r.rows = grow(r.rows, 3*w*crop.H)
		narrow := window{pix: r.rows, stride: 3 * w}
		r.alongRows(narrow, w, part, crop.W, crop.H)
		r.alongColumns(out, h, narrow, crop.H, w)
	}
}

// window is a part of an image: its rows begin stride bytes apart.
type window struct {
	pix    []uint8
	stride int
}

func (m window) row(y, width int) []uint8 { return m.pix[y*m.stride:][:3*width] }

// alongRows scales h rows from inW to outW pixels, two rows in a pair.
func (r *resizer) alongRows(out window, outW int, in window, inW, h int) {
	t := &r.x
	t.plan(inW, outW, r.kernel, r.side)
	r.r, r.g, r.b = grow(r.r, inW), grow(r.g, inW), grow(r.b, inW)
	for y := 0; y < h; y += 2 {
		other := min(y+1, h-1)
		pairPixels(r.r, r.g, r.b, in.row(y, inW), in.row(other, inW))
		top, bottom := out.row(y, outW), out.row(other, outW)
		for i, first := range t.first {
			n := t.count[i]
			weights := t.weights[i*t.width:][:n]
			rs, gs, bs := r.r[first:][:n], r.g[first:][:n], r.b[first:][:n]
			var sumR, sumG, sumB uint64 = bothHalves, bothHalves, bothHalves
			for k, w := range weights {
				sumR += rs[k] * w
				sumG += gs[k] * w
				sumB += bs[k] * w
			}
			p, q := top[3*i:][:3], bottom[3*i:][:3]
			p[0], q[0] = unpair(sumR)
			p[1], q[1] = unpair(sumG)
			p[2], q[2] = unpair(sumB)
		}
	}
}

func pairPixels(r, g, b []uint64, top, bottom []uint8) {
	for x := range r {
		p, q := top[3*x:][:3], bottom[3*x:][:3]
		r[x] = uint64(p[0]) | uint64(q[0])<<32
		g[x] = uint64(p[1]) | uint64(q[1])<<32
		b[x] = uint64(p[2]) | uint64(q[2])<<32
	}
}

// alongColumns scales w columns from inH to outH pixels, eight bytes (four
// pairs) at a time.
func (r *resizer) alongColumns(out window, outH int, in window, inH, w int) {
	t := &r.y
	t.plan(inH, outH, r.kernel, r.side)
	for y, first := range t.first {
		weights := t.weights[y*t.width:][:t.count[y]]
		dst, src := out.row(y, w), in.pix[first*in.stride:]
		x := 0
		for ; x+8 <= len(dst); x += 8 {
			eight := dst[x:][:8]
			var s0, s1, s2, s3 uint64 = bothHalves, bothHalves, bothHalves, bothHalves
			at := x
			for _, weight := range weights {
				v := binary.LittleEndian.Uint64(src[at:])
				s0 += v & pairMask * weight
				s1 += v >> 8 & pairMask * weight
				s2 += v >> 16 & pairMask * weight
				s3 += v >> 24 & pairMask * weight
				at += in.stride
			}
			eight[0], eight[4] = unpair(s0)
			eight[1], eight[5] = unpair(s1)
			eight[2], eight[6] = unpair(s2)
			eight[3], eight[7] = unpair(s3)
		}
		for ; x < len(dst); x++ {
			var sum uint64 = half
			for k, weight := range weights {
				sum += uint64(src[k*in.stride+x]) * weight
			}
			dst[x], _ = unpair(sum)
		}
	}
}

// unpair takes a pair of sums apart and rounds both to bytes.
func unpair(sum uint64) (low, high uint8) {
	l := int32(sum)
	h := int32((sum - uint64(int64(l))) >> 32)
	return clip8(int(l >> weightBits)), clip8(int(h >> weightBits))
}

// grow is a slice of n elements in s's memory if it is large enough.
func grow[T any](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n)
	}
	return s[:n]
}
