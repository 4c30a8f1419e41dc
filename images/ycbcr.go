package images

import "image"

// fillYCbCr converts decoded luma and chroma planes as libjpeg does, with its
// default "fancy" upsampling: chroma values in between are interpolated, where
// the standard library repeats the nearest. On photographs with 4:2:0 chroma
// that is a mean difference of .6 of 255, at edges far more.
func (m *Image) fillYCbCr(src *image.YCbCr, rgb *chromaTables) {
	m.Reset(src.Rect.Dx(), src.Rect.Dy())
	if m.W == 0 || m.H == 0 {
		return
	}
	up := upsampler{src: src, w: m.W, h: m.H}
	for y := range m.H {
		cb, cr := up.rows(y)
		rgb.convert(m.row(y), src.Y[y*src.YStride:][:m.W], cb, cr)
	}
}

// upsampler makes chroma rows of full width.
type upsampler struct {
	src    *image.YCbCr
	w, h   int
	cb, cr []uint8
	sums   []int
}

func (u *upsampler) rows(y int) (cb, cr []uint8) {
	stride := u.src.CStride
	switch u.src.SubsampleRatio {
	case image.YCbCrSubsampleRatio444:
		return u.src.Cb[y*stride:][:u.w], u.src.Cr[y*stride:][:u.w]
	case image.YCbCrSubsampleRatio422, image.YCbCrSubsampleRatio420, image.YCbCrSubsampleRatio440:
		u.cb, u.cr = grow(u.cb, u.w+1), grow(u.cr, u.w+1)
		u.interpolate(u.cb, u.src.Cb, y)
		u.interpolate(u.cr, u.src.Cr, y)
	default: // rarer ones are repeated, in libjpeg too
		u.cb, u.cr = grow(u.cb, u.w+1), grow(u.cr, u.w+1)
		for x := range u.w {
			at := u.src.COffset(u.src.Rect.Min.X+x, u.src.Rect.Min.Y+y)
			u.cb[x], u.cr[x] = u.src.Cb[at], u.src.Cr[at]
		}
	}
	return u.cb[:u.w], u.cr[:u.w]
}

// interpolate makes row y of a plane that has half the rows, half the columns or
// half of both: values lie 3/4 of the nearer and 1/4 of the next one. Rounding
// leans down and up in turns, as in libjpeg.
func (u *upsampler) interpolate(out, plane []uint8, y int) {
	stride, n := u.src.CStride, (u.w+1)/2
	if u.src.SubsampleRatio == image.YCbCrSubsampleRatio422 {
		in := plane[y*stride:][:n]
		for x, v := range in {
			left, right := in[max(x-1, 0)], in[min(x+1, n-1)]
			out[2*x] = uint8((3*int(v) + int(left) + 1) >> 2)
			out[2*x+1] = uint8((3*int(v) + int(right) + 2) >> 2)
		}
		return
	}
	next, rows := y/2-1+y%2*2, (u.h+1)/2
	near, far := plane[y/2*stride:], plane[min(max(next, 0), rows-1)*stride:]
	if u.src.SubsampleRatio == image.YCbCrSubsampleRatio440 {
		for x := range u.w {
			out[x] = uint8((3*int(near[x]) + int(far[x]) + 1 + y%2) >> 2)
		}
		return
	}
	u.sums = grow(u.sums, n+2)
	near, far = near[:n], far[:n]
	sums := u.sums[1:][:n]
	for x, v := range near {
		sums[x] = 3*int(v) + int(far[x])
	}
	u.sums[0], u.sums[n+1] = sums[0], sums[n-1]
	last, out := u.sums[0], out[:2*n]
	for x, sum := range sums {
		out[2*x] = uint8((3*sum + last + 8) >> 4)
		out[2*x+1] = uint8((3*sum + u.sums[x+2] + 7) >> 4)
		last = sum
	}
}

// chromaTables says what a luma of y with chroma (cb, cr) is in RGB:
//
//	r = clip((luma[y] + r[cr]) >> shift), likewise b, and g of both chromas.
type chromaTables struct {
	luma     [256]int32
	r, b     [256]int32
	gCb, gCr [256]int32
	shift    uint8
}

// jfif is the conversion of JPEG files (ITU-R BT.601, full range).
var jfif = func() *chromaTables {
	fixed := func(x float64) int32 { return int32(x*(1<<16) + .5) }
	const half = 1 << 15
	t := &chromaTables{shift: 16}
	for i := range int32(256) {
		c := i - 128
		t.luma[i] = i << 16
		// libjpeg rounds the shares of red and blue before the sum.
		t.r[i] = (fixed(1.402)*c + half) >> 16 << 16
		t.b[i] = (fixed(1.772)*c + half) >> 16 << 16
		t.gCb[i] = -fixed(.34414) * c
		t.gCr[i] = -fixed(.71414)*c + half
	}
	return t
}()

// webp is the conversion of lossy WebP files (ITU-R BT.601, luma from 16 to 235),
// in the fixed point of libwebp. golang.org/x/image/webp hands out such planes as
// if they were full range.
var webp = func() *chromaTables {
	t := &chromaTables{shift: 6}
	for i := range int32(256) {
		t.luma[i] = i * 19077 >> 8
		t.r[i] = i*26149>>8 - 14234
		t.b[i] = i*33050>>8 - 17685
		t.gCb[i] = -(i * 6419 >> 8)
		t.gCr[i] = -(i * 13320 >> 8) + 8708
	}
	return t
}()

func (t *chromaTables) convert(out, luma, cb, cr []uint8) {
	cb, cr = cb[:len(luma)], cr[:len(luma)]
	shift := t.shift & 31
	for x, v := range luma {
		y, u, w := t.luma[v], cb[x], cr[x]
		p := out[3*x:][:3]
		p[0] = clip8(int(y+t.r[w]) >> shift)
		p[1] = clip8(int(y+t.gCb[u]+t.gCr[w]) >> shift)
		p[2] = clip8(int(y+t.b[u]) >> shift)
	}
}
